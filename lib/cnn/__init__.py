"""Labs about convolutional networks."""
