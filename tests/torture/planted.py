"""``python -m tests.torture.planted [--local]``: `./invoke torture --planted`.

Each patch of tests/planted is applied to a copy of the clone, and what its header names is run there until something
fails: the simulation, the faults of a command, a file of tests. What fails is then run in the clone as it is, where it
must pass. A patch that does not apply is an error.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.host.clone import copy_clone, share_venv

PATCHES = Path(__file__).resolve().parents[1] / "planted"
SECONDS = {"simulation": 60, "faults": 150}
"""To search for something that is lost."""
LIMIT = 900.0
"""For a file of tests, in seconds; one that hangs has found the bug."""
Run = Callable[[Path, bool, Sequence[str], float], "subprocess.CompletedProcess[str]"]
"""Runs Python with arguments in a clone, in the lab's environment or the host's, for so many seconds at most."""


@dataclass(frozen=True)
class Patch:
    """A planted bug. `kind`, `wrong`: what was done and what goes wrong; `tried`: what may find it."""

    file: Path
    kind: str
    wrong: str
    tried: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name of its file."""
        return self.file.stem


@dataclass(frozen=True)
class Finding:
    """The end of the search for a bug: `by` what it was found (empty: by nothing), and after how many seconds.

    `again`: arguments of Python that repeat it, in the lab's environment if `in_lab`.
    """

    patch: Patch
    by: str
    seconds: float
    again: tuple[str, ...] = ()
    in_lab: bool = True


def read(file: Path) -> Patch:
    """The patch in a file. Raises `ValueError` where its header says less than it should."""
    head = [line[2:] for line in file.read_text(encoding="utf-8").splitlines() if line.startswith("# ")]
    tried = tuple(line.removeprefix("tried with: ") for line in head[1:] if line.startswith("tried with: "))
    kind, colon, wrong = head[0].partition(": ") if head else ("", "", "")
    if not (kind and colon and wrong and tried):
        raise ValueError(f"{file.name}: a patch begins with '# KIND: WHAT GOES WRONG' and '# tried with: …'")
    return Patch(file, kind, wrong, tried)


def patches() -> list[Patch]:
    """All planted bugs, in their order."""
    return [read(file) for file in sorted(PATCHES.glob("*.patch"))]


def apply(patch: Patch, root: Path, *, check: bool = False) -> str:
    """Apply a patch to a copy of the clone, or check that it can be. Returns git's complaint, if any."""
    variables = {**os.environ, "GIT_CEILING_DIRECTORIES": str(root.resolve().parent), "GIT_CONFIG_GLOBAL": os.devnull}
    command = ["git", "apply", *(["--check"] if check else []), str(patch.file)]
    done = subprocess.run(command, cwd=root, env=variables, capture_output=True, text=True, check=False)
    return done.stderr.strip() if done.returncode else ""


def search(patch: Patch, root: Path, run: Run) -> Finding:
    """Look for a bug in the copy that has it."""
    started = time.monotonic()
    for tried in patch.tried:
        in_lab, arguments, limit = program(tried)
        try:
            done = run(root, in_lab, arguments, limit)
        except subprocess.TimeoutExpired:
            return Finding(patch, f"{tried}: it does not end", time.monotonic() - started)
        by, again = finding(tried, done)
        if by:
            return Finding(patch, by, time.monotonic() - started, again, in_lab)
    return Finding(patch, "", time.monotonic() - started)


def program(tried: str) -> tuple[bool, list[str], float]:
    """Return whether what may find a bug runs in the lab's environment, its arguments of Python, and its time limit."""
    word, *names = tried.split()
    if word in SECONDS:
        seconds = SECONDS[word]
        in_lab = word == "simulation" or names[0] in ("lab", "sync", "import")
        return in_lab, ["-m", "tests.torture", str(seconds), *(names or [word]), "--until-lost"], 4.0 * seconds + 300
    return word.startswith("tests/lib/"), [*PYTEST, *tried.split()], LIMIT


PYTEST = ("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-m", "not slow")


def finding(tried: str, done: subprocess.CompletedProcess[str]) -> tuple[str, tuple[str, ...]]:
    """Return what has found a bug, and the arguments of Python that repeat it; empty where nothing has."""
    if tried.split(maxsplit=1)[0] in SECONDS:
        again = re.findall(r"--replay '?([^'\n]+)", done.stdout)
        return (again[0], ("-m", "tests.torture", "replay", again[0])) if done.returncode == 1 and again else ("", ())
    failed = re.findall(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
    if done.returncode == 1 and failed:
        return failed[0], (*PYTEST, failed[0])
    return "", ()


def confirm(findings: Sequence[Finding], root: Path, run: Run) -> dict[str, str]:
    """Repeat what was found in the clone as it is. Returns the complaints by patch: it fails there as well."""
    wrong = {}
    for each in findings:
        if each.again:
            done = run(root, each.in_lab, each.again, LIMIT)
            if done.returncode:
                wrong[each.patch.name] = f"{each.by} fails without the patch as well: {done.stdout[-300:].strip()}"
    return wrong


def find_all(run: Run, workers: int, say: Callable[[str], None] = print) -> int:
    """Look for all planted bugs, print who found each and when. Returns 1 unless all were found."""
    todo, findings, errors = patches(), list[Finding](), list[str]()
    total = len(todo)
    lock = threading.Lock()
    with tempfile.TemporaryDirectory(prefix="planted-", ignore_cleanup_errors=True) as folder:

        def work() -> None:
            while True:
                with lock:
                    if not todo:
                        return
                    patch = todo.pop(0)
                root = share_venv(copy_clone(Path(folder, patch.name)))
                complaint = apply(patch, root)
                found = None if complaint else search(patch, root, run)
                with lock:
                    if found is None:
                        errors.append(f"{patch.name} does not apply: {complaint.splitlines()[0]}")
                        say(errors[-1])
                        continue
                    findings.append(found)
                    how = f"{found.seconds:5.0f} s  {found.by}" if found.by else "NOT FOUND"
                    say(f"{patch.name:34} {patch.kind:22} {how}")

        with ThreadPoolExecutor(workers) as pool:
            for working in [pool.submit(work) for _ in range(workers)]:
                working.result()
        wrong = confirm(findings, share_venv(copy_clone(Path(folder, "as-it-is"))), run)
    for name, complaint in wrong.items():
        say(f"{name}: {complaint}")
    number = sum(bool(each.by) and each.patch.name not in wrong for each in findings)
    say(f"{number} of {total} planted bugs were found")
    return 0 if number == total and not errors else 1


def runner(local: bool, stack: ExitStack) -> Run:
    """Run Python in the lab image on a copy, or in local mode; on the host in this environment."""
    from host.runs import sandbox

    prepared = stack.enter_context(sandbox.variables(local))

    def run(root: Path, in_lab: bool, arguments: Sequence[str], limit: float) -> subprocess.CompletedProcess[str]:
        variables: Mapping[str, str] = prepared if in_lab else os.environ
        if in_lab:
            command = sandbox.command(list(arguments), local, root=root)
            variables = {**variables, "PYTHONPATH": os.pathsep.join([str(root), str(root / "lib" / "public")])}
        else:
            command = [sys.executable, *arguments]
        return subprocess.run(
            command, cwd=root, env=variables, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=limit,
            check=False,
        )  # fmt: skip

    return run


def main(arguments: list[str]) -> int:
    """Look for all planted bugs. Returns 1 unless all were found."""
    with ExitStack() as stack:
        return find_all(runner("--local" in arguments, stack), len(os.sched_getaffinity(0)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
