"""The Docker engine: whether it answers, the images, Compose, GPUs."""
