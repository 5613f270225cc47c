"""Networks that several labs use, each in torch and in Keras with the same starting weights."""
