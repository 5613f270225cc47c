"""The lab ``mlp``: a neuron, layers of them, and why nothing works without the non-linearity."""
