"""What nvidia-ml-py answers with two GPUs of one model and one of another. NVML_MISSING, NVML_NO_RATES: it cannot.

NVML_ONE_MODEL: the third is not there.
"""

import os
from types import SimpleNamespace

GPUS = (("GPU-a", "NVIDIA H100"), ("GPU-b", "NVIDIA H100"), ("GPU-c", "NVIDIA T4"))


class NVMLError(Exception):
    pass


def nvmlInit() -> None:  # noqa: N802
    if "NVML_MISSING" in os.environ:
        raise NVMLError("NVML Shared Library Not Found")


def nvmlDeviceGetCount() -> int:  # noqa: N802
    return 2 if "NVML_ONE_MODEL" in os.environ else len(GPUS)


def nvmlSystemGetDriverVersion() -> str:  # noqa: N802
    return "580.65.06"


def nvmlDeviceGetHandleByIndex(index: int) -> int:  # noqa: N802
    return index


def nvmlDeviceGetHandleByUUID(uuid: str) -> int:  # noqa: N802
    return [name for name, _ in GPUS].index(uuid)


def nvmlDeviceGetUUID(handle: int) -> str:  # noqa: N802
    return GPUS[handle][0]


def nvmlDeviceGetName(handle: int) -> str:  # noqa: N802
    return GPUS[handle][1]


def nvmlDeviceGetMemoryInfo(handle: int) -> SimpleNamespace:  # noqa: N802
    return SimpleNamespace(total=5 << 30, used=(handle + 1) * 1_000_000_000)


def nvmlDeviceGetUtilizationRates(handle: int) -> SimpleNamespace:  # noqa: N802
    if "NVML_NO_RATES" in os.environ:
        raise NVMLError("Not Supported")
    return SimpleNamespace(gpu=10 * (handle + 1))
