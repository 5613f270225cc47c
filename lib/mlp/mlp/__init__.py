"""The lab ``mlp``: a neuron, and what layers of neurons can do with and without a non-linearity between them."""
