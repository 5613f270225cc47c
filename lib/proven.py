"""What has been shown of labs' bits beyond one machine: by lab and framework, the makers of CPUs that give the same.

With ``--portable``, on CPUs of x86-64-v3. tests/host/images/test_portable.py shows it: a trial of each under two
emulated CPUs of Intel, compared with this machine's own result where its maker is among them. A lab that is not here
states the scope ``machine``. TensorFlow is not: its bits depend on the size of the CPU's caches; 48 KiB of L1 (Intel's
since 2019) gave others than 32 KiB.
"""

from collections.abc import Mapping

PORTABLE: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "lenet": {"torch": ("intel",)},
    "optimizers": {"numpy": ("intel", "amd")},
}
