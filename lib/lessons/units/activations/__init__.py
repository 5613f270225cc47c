"""The lesson on activations: the gradient's way back through twenty layers, by activation and initial weights."""
