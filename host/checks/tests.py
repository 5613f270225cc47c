"""`./invoke test`: the parts of the test suite, where each runs, and what this machine cannot run."""

import shutil
import time
from dataclasses import dataclass

from host.bootstrap import environment, process, venv
from host.bootstrap.paths import REQUIREMENTS, ROOT, STATE
from host.engine import build, docker, images
from host.runs import sandbox
from lib.harness.errors import UserError

PARTS = ("lint", "harness", "lib", "lessons", "host", "browser")
APART = ("harness", "lessons")
"""Folders of tests/lib that are parts of their own.

A process that has run the labs' tests keeps both frameworks and 3 GB; beside it there is no room for their servers,
Ray clusters and kernels.
"""
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
LINTED = ("lib", "host", "tasks.py", "tests", "benchmarks")
UNITS = "^tests/host/images/units/"  # scripts of images, several of one name
NO_TESTS = 5  # pytest's exit code when its options leave none


@dataclass(frozen=True)
class Result:
    """The end of a part. `code`: 0 passed, None not run; `note`: why, or how long it took."""

    part: str
    code: int | None
    note: str


def parts(only: list[str]) -> list[str]:
    """The parts that are named in `only`, all when none is. Raises `UserError` for one that there is not."""
    unknown = [part for part in only if part not in PARTS]
    if unknown:
        raise UserError(f"--only {unknown[0]}: it is one of {', '.join(PARTS)}")
    return [part for part in PARTS if not only or part in only]


def test(wanted: list[str], local: bool, slow: bool, expression: str) -> int:
    """Run the parts `wanted` and print one line for each. 0 when nothing failed.

    With CI set in the environment, a part that this machine cannot run has failed. `expression` (pytest's -k) chooses
    tests, so lint, which has none, is left out then.
    """
    if not local:
        build.ensure(*images.IMAGES)
    results = [_run(part, local, slow, expression) for part in wanted if not (expression and part == "lint")]
    print()
    for result in results:
        verdict = "not run" if result.code is None else "passed" if result.code == 0 else "FAILED"
        print(f"{result.part:8} {verdict:8} {result.note}")
    if all(result.code == NO_TESTS for result in results):
        raise UserError(f"-k {expression}: no test matches")
    in_ci = bool(environment.get("CI"))
    failed = [r for r in results if (r.code is None and in_ci) or r.code not in {None, 0, NO_TESTS}]
    return 1 if failed else 0


def test_gpu_images() -> int:
    """Build the GPU images that are missing and test them, for which no GPU is needed. Returns pytest's exit code."""
    docker.require()
    build.ensure(*images.GPU.values())
    targets = " ".join(image.target for image in images.GPU.values())
    folder = "tests/host/images"
    arguments = ["-m", "pytest", "-p", "no:cacheprovider", f"{folder}/test_images.py", f"{folder}/test_units.py"]
    return on_host([*arguments, "-m", "not slow"], {"LAB_TEST_TARGETS": targets})


def _run(part: str, local: bool, slow: bool, expression: str) -> Result:
    spread = "loadgroup" if part == "browser" else "loadfile"  # a file of lessons takes a core half an hour
    options = ["-m", "pytest", "--quiet", "-p", "no:cacheprovider", "-n", "auto", "--dist", spread]
    options += ["-m", "" if slow else "not slow", "-k", expression, "--durations", "15"]
    start = time.monotonic()
    print(f"\n== {part}", flush=True)
    note = ""
    if part == "lint":
        code: int | None = _lint(local)
    elif part in APART:
        code = sandbox.run([*options, f"tests/lib/{part}"], local)
    elif part == "lib":
        code = sandbox.run([*options, *(f"--ignore=tests/lib/{each}" for each in APART), "tests/lib"], local)
    elif part == "host":
        ignored = ["--ignore", "tests/host/images"] if local else []
        code = on_host([*options, *ignored, "tests/host"])
        if local:
            note = "; tests/host/images not run: no Docker engine"
            code = code or (1 if environment.get("CI") else 0)
    else:
        reason = _no_browser(local)
        if reason:
            return Result(part, None, reason)
        code = on_host([*options, "tests/browser"])
    return Result(part, code, f"{time.monotonic() - start:.0f} s{note}")


def _lint(local: bool) -> int:
    contracts = on_host(["-c", "from importlinter.cli import lint_imports_command as lint; lint()", "--no-cache"])
    style = sandbox.run(["-m", "ruff", "check", "--no-cache", "."], local)
    # docker/ is a folder, not the package docker: without namespace packages mypy does not take it for one
    options = ["--cache-dir", f"{sandbox.cache(local)}/mypy", "--no-namespace-packages", "--exclude", UNITS]
    return max(contracts, style, sandbox.run(["-m", "mypy", *options, *LINTED], local, with_cache=True))


def on_host(arguments: list[str], more: dict[str, str] | None = None) -> int:
    """Exit code of Python with these arguments in the tests' environment of this machine, its output shown."""
    python = venv.ensure(STATE / "test-venv", REQUIREMENTS / "test.txt")
    variables = environment.caller() | (more or {})
    if venv.WHEELS.is_dir():  # the tests make clones without them
        variables["PIP_FIND_LINKS"] = f"{venv.WHEELS.as_uri()} {environment.get('PIP_FIND_LINKS')}".strip()
    return process.shown([str(python), *arguments], cwd=ROOT, env=variables)


def _no_browser(local: bool) -> str:
    """The reason why the browser tests cannot run here; empty when they can."""
    if local:
        return "no Docker engine: ./invoke doctor"
    if not any(shutil.which(name) for name in BROWSERS):
        return "no Chromium here (Debian: apt install chromium)"
    return ""
