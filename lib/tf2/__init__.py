"""TensorFlow 2: one network at four levels of its interface, autograph, what is gone, and modules to reuse."""
