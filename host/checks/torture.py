"""`./invoke torture`: the simulation and the faults of tests/torture for some minutes, or all planted bugs.

The simulation and the faults of `lab`, `sync` and `import` run in the lab image; those of `load`, `bundle` and
`backup` here, with this machine's strace.
"""

import shutil
import sys

from host.bootstrap import environment
from host.checks.tests import on_host
from host.engine import build, images
from host.runs import sandbox
from lib.harness.errors import UserError

IN_IMAGE, HERE = ("simulation", "lab", "sync", "import"), ("load", "bundle", "backup")
SHARE_HERE = 0.25
"""Of the time, for what runs here."""
PROGRAM = ["-m", "tests.torture"]


def torture(minutes: int, local: bool) -> int:
    """Try for so many minutes to make the programs lose something. Returns 1 if they did, or in CI tried less."""
    without = _without_strace()
    if local and without:
        raise UserError(f"--minutes {minutes}: {without}")
    if not local:
        build.ensure(images.LAB)
    seconds = 60.0 * minutes
    print("== simulation; faults of lab, sync, import", flush=True)
    share = seconds if without else (1 - SHARE_HERE) * seconds
    codes = [sandbox.run([*PROGRAM, f"{share:.0f}", *IN_IMAGE], local)]
    print("\n== faults of load, bundle, backup", flush=True)
    if without:
        print(f"not tried: {without}", file=sys.stderr)
        codes.append(1 if environment.get("CI") else 0)
    else:
        codes.append(on_host([*PROGRAM, f"{SHARE_HERE * seconds:.0f}", *HERE]))
    return 1 if any(codes) else 0


def check(what: str) -> None:
    """Raises `UserError` for a text that no failure is printed with."""
    if what.partition(":")[0] not in IN_IMAGE + HERE:
        raise UserError(f"--replay {what}: it begins with one of {', '.join(IN_IMAGE + HERE)}, as a failure is printed")


def replay(what: str, local: bool) -> int:
    """Try one schedule or fault again, by the text that a failure was printed with. Returns 1 if something is lost."""
    kind = what.partition(":")[0]
    if (local or kind in HERE) and kind != "simulation" and (without := _without_strace()):
        raise UserError(f"--replay {what}: {without}")
    if kind in HERE:
        return on_host([*PROGRAM, "replay", what])
    if not local:
        build.ensure(images.LAB)
    return sandbox.run([*PROGRAM, "replay", what], local)


def planted(local: bool) -> int:
    """Look for the bugs of tests/planted, each in a copy of the clone that has it. Returns 1 unless all are found."""
    if without := _without_strace():
        raise UserError(f"--planted: {without}")
    if not local:
        build.ensure(images.LAB)
    return on_host(["-m", "tests.torture.planted", *(["--local"] if local else [])])


def _without_strace() -> str:
    """The reason why this machine cannot make calls fail; empty where it can."""
    return "" if shutil.which("strace") else "there is no strace here (Debian: apt install strace)"
