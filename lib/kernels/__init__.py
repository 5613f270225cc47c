"""The Python side of docker/kernels: our own computing in C, whose bits are the same on every processor."""
