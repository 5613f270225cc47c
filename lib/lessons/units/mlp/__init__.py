"""The lesson ``02-mlp``: a neuron, two layers forward and backward, and the training loop, all by hand."""
