"""`--portable`: what labs say of their bits (`Lab.portable`), shown under emulated CPUs of Intel and on this one."""

import ast
import os
import shutil

import pytest

from lib.harness.contract.catalogue import find_labs
from lib.harness.machine import determinism, scope
from lib.kernels import library
from tests.host.images.conftest import RunIn
from tests.host.images.support import ROOT

CPUS = {"intel": ("Haswell", "Skylake-Client"), "amd": ("EPYC",), "any": ("Haswell", "Skylake-Client", "EPYC")}
"""By maker: of Intel the first with x86-64-v3 and a later one; `any`: all of them.

The emulator has no AVX-512, whatever the CPU's name.
"""
SMALL: tuple[tuple[str, ...], ...] = (
    ("lenet", "torch", "clothes", "variant=modern", "pictures=200", "epochs=1", "judged=100"),
    ("lenet", "torch/grid", "grid", "variant=modern", "pictures=200", "epochs=1", "judged=100"),
    ("lenet", "torch/agree", "agree"),
    ("lenet", "torch/digits", "digits", "variant=original", "digits=200", "epochs=1", "judged=100"),
    ("lenet", "torch/recipe", "recipe", "variant=original", "pictures=200", "epochs=1", "judged=100"),
    ("convolution", "torch/grid", "grid", "arm=cnn", "pictures=200", "epochs=1", "judged=100"),
    ("mlp", "torch/tune-digits", "tune-digits", "digits_epochs=1", "digits_pictures=200"),
    ("paradigms", "torch/labels", "labels", "labels=own", "epochs=1"),
    ("dropout", "torch", "with", "epochs=2"),
    ("overfitting", "torch", "width/32", "widths=[32]", "epochs=2"),
    ("overfitting", "numpy", "features", "ratios=[0.5,2]", "examples=100"),
    ("optimizers", "numpy", "descent", "steps=50"),
    ("optimizers", "numpy", "stochastic", "steps=50"),
    ("optimizers", "numpy", "functions/grid/Adam", "steps=50", "hold=10"),
    ("convolution", "numpy", "order"),
    ("convolution", "numpy", "size"),
    ("convolution", "numpy", "edges"),
    ("mlp", "numpy", "neuron"),
)
"""Lab, key of `Lab.portable`, variant (or function, where trials of it come late) and settings of small trials."""
SECONDS = 3600
DEBIAN = "apt install qemu-user-static"


@pytest.fixture(scope="module")
def emulator() -> str:
    """qemu-user, linked statically. Without it the test is skipped; in CI that is a failure."""
    found = shutil.which("qemu-x86_64-static")
    if found is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"no qemu-x86_64-static here (Debian: {DEBIAN})")
    return found


def digest(run_in: RunIn, words: tuple[str, ...], emulator: str, cpu: str | None) -> str:
    """The digest of a small trial with `--portable`, on an emulated CPU or on this machine's."""
    volumes = [
        f"{ROOT / 'lib'}:/workspace/lib:ro",
        f"{ROOT / 'tests' / 'host' / 'images' / 'portable_trial.py'}:/trial.py:ro",
        f"{emulator}:/qemu:ro",
    ]
    emulated = ["/qemu", "-cpu", cpu] if cpu else []
    command = [*emulated, "/opt/labs/bin/python", "/trial.py", *words]
    variables = {**determinism.environment(), **determinism.portable()}
    if cpu:
        variables[library.LEVEL] = "x86-64-v3"  # /proc/cpuinfo stays this machine's, whatever is emulated
    outcome = run_in("lab-cpu", command, timeout=SECONDS, volumes=volumes, environment=variables)
    found = [line for line in outcome.log.splitlines() if line.startswith("digest ")]
    assert outcome.status == 0 and len(found) == 1, outcome.log
    return found[0]


def said() -> dict[tuple[str, str], tuple[str, ...]]:
    """What the labs say, read from their source: by lab and framework, the makers of CPUs."""
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for name, entry in find_labs(ROOT).items():
        source = (ROOT / entry.module.replace(".", "/")).with_suffix(".py").read_text(encoding="utf-8")
        for word in ast.walk(ast.parse(source)):
            if isinstance(word, ast.keyword) and word.arg == "portable":
                found |= {(name, framework): makers for framework, makers in ast.literal_eval(word.value).items()}
    return found


def test_each_lab_that_says_so_is_tested() -> None:
    assert {(lab, key) for lab, key, *_ in SMALL} == said().keys()


@pytest.mark.slow
@pytest.mark.parametrize("words", SMALL, ids=lambda words: "-".join(words[:3]))
def test_the_same_bits_on_every_cpu_of_the_makers(run_in: RunIn, emulator: str, words: tuple[str, ...]) -> None:
    makers = said()[words[0], words[1]]
    cpus = dict.fromkeys(cpu for maker in makers for cpu in CPUS[maker])
    found = {cpu: digest(run_in, words, emulator, cpu) for cpu in cpus}
    if "any" in makers or scope.VENDORS.get(scope.cpu_lines("vendor_id")) in makers:
        found["this machine"] = digest(run_in, words, emulator, None)
    assert len(set(found.values())) == 1, found
