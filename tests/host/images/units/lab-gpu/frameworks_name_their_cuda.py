"""The GPU framework says for which CUDA it was built, the other one that it is the build for CPUs; both compute."""

import os

import tensorflow as tf
import torch

built = tf.sysconfig.get_build_info()
if os.environ["LAB_GPU_FRAMEWORK"] == "torch":
    assert torch.version.cuda == "13.0", torch.version.cuda
    assert torch.backends.cudnn.version() >= 92000
    assert not built["is_cuda_build"]
else:
    assert built["is_cuda_build"], built
    assert built["cuda_version"].startswith("12."), built
    assert built["cudnn_version"] == "9", built
    assert torch.version.cuda is None

assert not torch.cuda.is_available()  # the tests' containers have no GPU
assert tf.config.list_physical_devices("GPU") == []
assert torch.ones(2).sum().item() == tf.reduce_sum(tf.ones(2)).numpy() == 2
