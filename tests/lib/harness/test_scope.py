"""The scope that a run states: proven offline, lowered by what is seen, never raised."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys

import pytest

from lib.harness.contract.catalogue import find_labs
from lib.harness.errors import UserError
from lib.harness.machine import determinism, scope
from lib.harness.recording.trace import canonical
from tests.lib.harness.conftest import ROOT
from tests.lib.harness.support import Clone, journals_of

CPUINFO = {"vendor_id": "GenuineIntel", "flags": " ".join(scope.X86_64_V3 | {"sse2", "avx512f"})}


@pytest.fixture
def cpu(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the kernel says of the CPU, to be changed."""
    said = dict(CPUINFO)
    monkeypatch.setattr(scope, "cpu_lines", lambda field: said.get(field, ""))
    return said


def test_portable_is_stated_where_it_was_proven_for_this_maker_and_asked_for(cpu: dict[str, str]) -> None:
    assert scope.stated(("intel",), portable=True) == "portable:intel"
    assert scope.stated(("intel", "amd"), portable=True) == "portable:amd,intel"
    assert scope.stated(("intel",), portable=False) == scope.stated((), portable=True) == "machine"
    cpu["vendor_id"] = "AuthenticAMD"
    assert scope.stated(("intel",), portable=True) == "machine"
    assert scope.stated(("intel", "amd"), portable=True) == "portable:amd,intel"
    cpu["vendor_id"] = "CentaurHauls"
    assert scope.stated(("intel", "amd"), portable=True) == "machine"


def test_any_processor_is_stated_where_the_kernels_compute(cpu: dict[str, str]) -> None:
    for vendor in ("GenuineIntel", "CentaurHauls", ""):
        cpu["vendor_id"] = vendor
        assert scope.stated(("any",), portable=True, kernels=True) == "portable:any"
        assert scope.stated(("any",), portable=True) == scope.stated(("any",), False, kernels=True) == "machine"
    cpu["vendor_id"] = "GenuineIntel"
    assert scope.stated(("any", "intel"), portable=True) == "portable:intel"
    assert scope.stated(("intel",), portable=True, kernels=True) == "portable:intel"


def test_the_labs_name_makers_and_frameworks_that_are_known() -> None:
    for entry in find_labs(ROOT).values():
        lab = importlib.import_module(entry.module).LAB
        assert {vendor for vendors in lab.portable.values() for vendor in vendors} <= {*scope.VENDORS.values(), "any"}
        for framework, _, function in (key.partition("/") for key in lab.portable):
            assert framework in {*lab.frameworks, "numpy"}
            assert not function or function in lab.trials


def test_a_cpu_without_the_instructions_is_refused(cpu: dict[str, str]) -> None:
    scope.require_portable()
    cpu["flags"] = cpu["flags"].replace("avx2", "").replace("fma", "")
    with pytest.raises(UserError, match=r"--portable: this CPU is not x86-64-v3 \(it lacks avx2, fma\): run without"):
        scope.require_portable()


@pytest.mark.parametrize(
    ("scopes", "expected"),
    [
        (["machine", "portable:intel"], "machine"),
        (["portable:amd,intel", "portable:intel"], "portable:intel"),
        (["portable:any", "portable:amd,intel"], "portable:amd,intel"),
        (["portable:any", "machine"], "machine"),
        (["portable:any"], "portable:any"),
        (["portable:intel", "none: put_", "machine"], "none: put_"),
        (["device", "machine"], "device"),
    ],
)
def test_the_lowest_holds_for_all(scopes: list[str], expected: str) -> None:
    assert scope.lowest(scopes) == expected
    assert scope.lowest(scopes[::-1]) == expected


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("RuntimeError: put_ does not have a deterministic implementation, but you set …", "none: put_"),
        ("RuntimeError: kthvalue CUDA does not have a deterministic implementation, but", "none: kthvalue"),
        ("A deterministic GPU implementation of SparseSegmentReduction is not", "none: SparseSegmentReduction"),
        ("ValueError: the loss is not a number", None),
    ],
)
def test_an_operation_without_repeatable_form_is_named(message: str, expected: str | None) -> None:
    assert scope.of_error(message) == expected


def test_what_was_not_the_same_again_is_named() -> None:
    def step(number: int, **values: str) -> str:
        return canonical({"step": number, "values": values})

    first = [step(0, loss="0x1.0p0", rate="0x1.0p-3"), step(1, loss="0x1.0p-1")]
    assert scope.of_repetition(first, first) is None
    assert scope.of_repetition(first, first[:1]) is None
    other = [first[0], step(1, loss="0x1.1p-1")]
    assert scope.of_repetition(first, other) == "none: other values at step 1 (loss) when repeated"
    assert scope.of_repetition(first, [step(0, loss="0x1.0p0")]) == "none: other values at step 0 (rate) when repeated"
    assert scope.of_repetition(first, [step(1)]) == "none: other things logged when repeated"
    assert scope.of_repetition(first[:1], first) == "none: more was logged when repeated"
    ends = [canonical({"measurements": {"accuracy": value}}) for value in ("0x1.0p0", "0x1.0p-1")]
    assert scope.of_repetition(ends[:1], ends[1:]) == "none: other measurements (accuracy) when repeated"


def stated(clone: Clone) -> dict[str, list[str]]:
    """The scopes of the newest run, in the order in which they were recorded: the parent's, and its children's."""
    found: dict[str, list[str]] = {"parent": [], "children": []}
    for lines in journals_of(clone.newest()).values():
        kind = "children" if lines[0]["parent"] else "parent"
        found[kind] += [line["tags"]["lab.scope"] for line in (lines[0], lines[-1]) if "lab.scope" in line["tags"]]
    return found


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_lab_that_repeats_states_the_machine(clone: Clone, workers: str) -> None:
    ended = clone.tiny("--workers", workers, seeds=2)
    assert ended.code == 0
    assert "scope machine" in ended.out.replace("\n", " ")
    assert stated(clone) == {"parent": ["machine"] * 2, "children": ["machine"] * 4}


def test_values_that_do_not_repeat_lower_it(clone: Clone) -> None:
    ended = clone.tiny(seeds=2, action="unsteady")
    assert ended.code == 0
    assert stated(clone)["parent"] == ["machine", "none: other values at step 0 (clock) when repeated"]


def test_an_operation_that_torch_refuses_lowers_it(clone: Clone) -> None:
    ended = clone.tiny(seeds=1, runtimes=["torch"], action="refused")
    assert ended.code == 1
    assert stated(clone)["parent"] == ["machine", "none: put_"]
    assert stated(clone)["children"] == ["machine", "none: put_"] * 2


def test_portable_is_recorded(clone: Clone) -> None:
    assert clone.tiny("--portable", seeds=2).code == 0
    for lines in journals_of(clone.newest()).values():
        assert lines[0]["tags"]["lab.portable"] == "true"
    environment = (clone.newest() / "run.files" / "environment.json").read_text()
    assert '"MKL_CBWR":"AVX2,STRICT"' in environment.replace(" ", "")
    assert clone.tiny(seeds=2).code == 0
    for lines in journals_of(clone.newest()).values():
        assert lines[0]["tags"]["lab.portable"] == "false"


IN_EFFECT = {
    "torch": """
import torch
assert torch.backends.cpu.get_cpu_capability() == "AVX2", torch.backends.cpu.get_cpu_capability()
""",
    "numpy": """
from numpy._core._multiarray_umath import __cpu_features__ as features
assert features["X86_V3"] and not any(features[name] for name in ("X86_V4", "AVX512_ICL", "AVX512_SPR"))
import threadpoolctl, numpy
assert {pool["architecture"] for pool in threadpoolctl.threadpool_info()} == {"Haswell"}
""",
    "keras": """
import tensorflow as tf
from tensorflow.python.util import _pywrap_util_port
assert not _pywrap_util_port.IsMklEnabled()  # oneDNN
f = tf.function(lambda x: tf.reduce_sum(tf.sin(x)), jit_compile=True)
assert float(f(tf.zeros(3))) == 0
""",
}


@pytest.mark.parametrize("framework", IN_EFFECT)
def test_the_libraries_take_the_variables_and_warn_of_none(framework: str) -> None:
    variables = {**os.environ, **determinism.environment(), **determinism.portable()}
    command = [sys.executable, "-W", "error::RuntimeWarning", "-W", "error::ImportWarning", "-c", IN_EFFECT[framework]]
    ran = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stderr
