"""A trial run once more, in which the operations of one step are recorded: in torch, TensorFlow or NumPy."""
