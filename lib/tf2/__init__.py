"""Labs about TensorFlow 2."""
