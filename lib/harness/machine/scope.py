"""Where the same bits can be expected again: the scope that each run states in its tag ``lab.scope``.

- ``portable:any``: on any processor that there are kernels for (`lib.kernels`), with ``--portable``
- ``portable:intel``: on any Intel CPU of x86-64-v3, with ``--portable``; ``portable:amd,intel``: also on AMD's
- ``machine``: in the same image on the same CPU model
- ``device``: in the same image on the same GPU model
- ``none: WHAT``: nowhere; WHAT is the operation that has no repeatable form, or the values that differed when repeated

A scope is proven once per lab and framework, by tests (`Lab.portable`). What a run sees can only lower it: at its start
the first trial's first lines are recorded a second time and compared.
"""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lib.harness.errors import UserError

LEVELS = ("none", "device", "machine", "portable")
"""From the lowest to the highest."""
ANY = "any"
VENDORS = {"GenuineIntel": "intel", "AuthenticAMD": "amd"}
X86_64_V3 = {"abm", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe"}
"""What the level has beyond the one before it (x86-64 psABI, table 3.1), as the kernel names it; ``abm`` has LZCNT."""
REFUSALS = (
    re.compile(r"([\w.:]+)(?: with [\w=]+)?(?: CUDA)? does not have a deterministic implementation"),  # torch
    re.compile(r"[Dd]eterministic (?:GPU )?implementation of ([\w.:]+)"),  # TensorFlow
)
"""How the frameworks refuse an operation that has no repeatable form; the group is its name."""


def cpu_lines(field: str) -> str:
    """Return the first processor's value of this field in /proc/cpuinfo; empty if the kernel gives none."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.split(":", 1)[1].strip() for line in lines if line.split(":")[0].strip() == field), "")


def cpu_model() -> str:
    """The processor's name as the kernel gives it."""
    return cpu_lines("model name") or platform.processor() or platform.machine()


def require_portable() -> None:
    """Raises `UserError` where ``--portable`` asks for instructions that this CPU does not have."""
    missing = sorted(X86_64_V3 - set(cpu_lines("flags").split()))
    if missing and platform.machine() != "aarch64":  # there only what the kernels compute is portable
        raise UserError(f"--portable: this CPU is not x86-64-v3 (it lacks {', '.join(missing)}): run without it")


def stated(vendors: Sequence[str], portable: bool, kernels: bool = False) -> str:
    """The scope of a trial on this CPU.

    Args:
        vendors: makers of CPUs for which its lab has proven it with `--portable`; `ANY`: all, where the kernels do.
        portable: whether it is asked for.
        kernels: whether they compute.
    """
    if portable and kernels and ANY in vendors:
        return f"portable:{ANY}"
    makers = sorted(set(vendors) - {ANY})
    if portable and VENDORS.get(cpu_lines("vendor_id")) in makers:
        return f"portable:{','.join(makers)}"
    return "machine"


def lowest(scopes: Iterable[str]) -> str:
    """The lowest of scopes: what holds for all of them together."""
    return min(scopes, key=lambda scope: (LEVELS.index(scope.partition(":")[0]), scope.endswith(ANY), scope.count(",")))


def of_error(message: str) -> str | None:
    """``none`` with the operation that a framework has refused as it does not repeat; None for any other error."""
    refused = next((match for pattern in REFUSALS if (match := pattern.search(message))), None)
    return f"none: {refused[1]}" if refused else None


def of_repetition(first: Sequence[str], again: Sequence[str]) -> str | None:
    """``none`` with what differs when a trial's first lines were recorded twice; None when they are the same.

    `first` may go on after the last line of `again`.
    """
    for left, right in zip(first, again, strict=False):
        if left != right:
            return f"none: {_difference(json.loads(left), json.loads(right))} when repeated"
    return "none: more was logged when repeated" if len(again) > len(first) else None


def _difference(first: Mapping[str, Any], again: Mapping[str, Any]) -> str:
    """Describe the difference between two records of a trace."""
    if first.keys() != again.keys() or first.get("step") != again.get("step"):
        return "other things logged"
    group = next(name for name in first if name != "step" and first[name] != again[name])
    pairs = [first[group], again[group]]
    names = [name for name in sorted({*pairs[0], *pairs[1]}) if pairs[0].get(name) != pairs[1].get(name)]
    where = f"other values at step {first['step']}" if "step" in first else f"other {group}"
    return f"{where} ({', '.join(names)})"
