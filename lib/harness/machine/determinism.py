"""The process-wide state that makes a trial repeat bit for bit: one thread, deterministic operations, named seeds.

`environment` (with `portable`, if asked for) is what a worker process must start with, `prepare` loads the framework of
its runtime, and `begin` puts every source of hidden state back to the trial's own seed and checks that nothing has been
turned off meanwhile.
"""

from __future__ import annotations

import random
import sys
from typing import TYPE_CHECKING

from lib.harness.errors import UserError
from lib.harness.machine import gpus

if TYPE_CHECKING:  # the parent asks for the environment before it loads anything
    from lib.harness.contract.seeds import Seed
    from lib.harness.contract.trial import Runtime

_MODULES = {"torch": ("torch",), "keras": ("tensorflow", "keras"), "numpy": ()}


def environment() -> dict[str, str]:
    """Environment variables of a worker. They are read when a library is loaded, so they come before any import."""
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
    return {
        **dict.fromkeys(threads, "1"),
        "TF_NUM_INTRAOP_THREADS": "1",
        "TF_NUM_INTEROP_THREADS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "KERAS_BACKEND": "tensorflow",
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
        "CUDA_VISIBLE_DEVICES": "",  # with --gpu each worker sets its own
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",  # workers share a GPU: the first one may not take all of its memory
        "PYTHONHASHSEED": "0",
        "LOKY_MAX_MEMORY_LEAK_SIZE": "1e15",  # a data set that a worker keeps is no leak: do not replace the worker
    }


def portable() -> dict[str, str]:
    """More of them, for the same code paths on every CPU of x86-64-v3: AVX2, whatever else it has.

    - torch: its own kernels, oneDNN's, and MKL's (STRICT: whatever the alignment and size; MKL takes this on Intel's
      CPUs alone, "Conditional Numerical Reproducibility" in its developer guide)
    - TensorFlow: Eigen's kernels, as it takes oneDNN's only on CPUs with AVX512_VNNI; the code that XLA generates
    - NumPy: its own loops, and OpenBLAS', which are chosen by the CPU's model
    """
    return {
        "ATEN_CPU_CAPABILITY": "avx2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MKL_CBWR": "AVX2,STRICT",
        "TF_ENABLE_ONEDNN_OPTS": "0",
        "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",
        "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
        "OPENBLAS_CORETYPE": "Haswell",
    }


def prepare(runtime: Runtime) -> None:
    """Load the runtime's framework in this process and set what holds for all its trials."""
    if runtime.framework == "torch":
        import torch

        torch.set_num_threads(1)
        torch.set_num_interop_threads(1)
        # all of torch.use_deterministic_algorithms(True) that eager code needs; that one loads the compiler for seconds
        torch._C._set_deterministic_algorithms(True, warn_only=False)
        torch.set_default_dtype(getattr(torch, runtime.dtype))
        if gpus.computes("torch"):
            from lib.harness.machine.placement import compute_on

            if not torch.cuda.is_available():
                raise UserError("--gpu: PyTorch finds no GPU that it can use: ./invoke doctor")
            torch.backends.cudnn.allow_tf32 = False  # the default rounds float32 to 10 bits in convolutions
            compute_on("cuda")
    elif runtime.framework == "keras":
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        tf.config.experimental.enable_op_determinism()
        if gpus.computes("keras"):
            if not tf.config.list_physical_devices("GPU"):
                raise UserError("--gpu: TensorFlow finds no GPU that it can use: ./invoke doctor")
            tf.config.experimental.enable_tensor_float_32_execution(False)
        import keras

        keras.config.set_floatx(runtime.dtype)


def begin(runtime: Runtime, seed: Seed) -> None:
    """Put all global generators and caches to the state that a fresh process with this seed has; check the rest.

    Raises:
        AssertionError: an earlier trial of this worker has changed what `prepare` set.
    """
    import numpy as np

    random.seed(seed.integer("global", "python"))
    np.random.seed(seed.integer("global", "numpy"))
    if runtime.framework == "torch":
        import torch

        torch.manual_seed(seed.integer("global", "torch"))
        assert torch.get_num_threads() == 1, "torch runs with more than one thread"
        assert torch.are_deterministic_algorithms_enabled(), "torch's deterministic algorithms were turned off"
        assert torch.get_default_dtype() == getattr(torch, runtime.dtype), "torch's default dtype was changed"
        assert torch.is_grad_enabled(), "torch's gradients were turned off"
        device = "cuda" if gpus.computes("torch") else "cpu"
        assert torch.get_default_device().type == device, "torch's default device was changed"
    elif runtime.framework == "keras":
        import keras
        import tensorflow as tf

        keras.backend.clear_session()
        keras.utils.set_random_seed(seed.integer("global", "keras"))
        assert tf.config.threading.get_intra_op_parallelism_threads() == 1, "TensorFlow runs with more than one thread"
        assert keras.config.floatx() == runtime.dtype, "Keras' floatx was changed"
        assert tf.config.functions_run_eagerly() is False, "tf.function was turned off"


def check_frameworks(runtime: Runtime) -> None:
    """Refuse a trial that loaded a framework its runtime does not name: that one was neither seeded nor pinned.

    Raises:
        RuntimeError: such a framework is loaded.
    """
    allowed = _MODULES[runtime.framework]
    strangers = [m for m in ("torch", "tensorflow") if m in sys.modules and m not in allowed]
    if strangers:
        raise RuntimeError(f"a trial with runtime '{runtime.framework}' has loaded {', '.join(strangers)}")
