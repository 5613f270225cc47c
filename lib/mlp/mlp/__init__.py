"""The lab ``mlp``: a neuron, layers of neurons, and why layers add nothing without a non-linearity between them."""
