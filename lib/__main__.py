"""``python -m lib NAME …`` runs a lab; ``python -m lib claims …`` and the like do what their name says.

The only entry into a container. It loads the standard library until it knows what is asked for.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: the parent computes nothing

from lib.harness.contract.catalogue import find_lab, is_path
from lib.harness.contract.loading import place
from lib.harness.contract.options import NO_TRIALS, PRUNERS, SAMPLERS, SPACE_FORMS, SWEEP
from lib.harness.errors import UserError

if TYPE_CHECKING:
    from lib.harness.contract.settings import Options
    from lib.harness.contract.source import LabEntry
    from lib.harness.running.pool import Workers
    from lib.harness.running.resumption import Interrupted

ROOT = Path(__file__).resolve().parents[1]


class Parser(argparse.ArgumentParser):
    """Usage errors are one line, as all bad input."""

    def error(self, message: str) -> NoReturn:
        """End with one line and exit code 2."""
        raise UserError(f"{message}. All options: python -m lib --help")


def natural(text: str) -> int:
    """A whole number of at least 1."""
    number = int(text) if text.isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number of at least 1")
    return number


def whole(text: str) -> int:
    """A whole number of at least 0."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number of at least 0")
    return int(text)


COMMANDS = {
    "sweep": 1,
    "labs": 0,
    "claims": None,
    "report": None,
    "record": 1,
    "compare": 1,
    "diff": 2,
    "export": 1,
    "import": 1,
    "sync": 0,
}
"""What is not a lab, and how many runs (or folders, or labs) are named after it; None: any number of labs."""


def parser() -> Parser:
    """The command line."""
    words = Parser(
        prog="python -m lib",
        description=f"Run a lab, or: {', '.join(COMMANDS)}.",
        allow_abbrev=False,
    )
    words.add_argument("name", help=f"a lab's name or path, or {', '.join(COMMANDS)}")
    words.add_argument(
        "runs",
        nargs="*",
        help="record, compare, export: RUN; diff: RUN RUN; import: FOLDER; sweep: LAB; claims, report: LABs",
    )
    words.add_argument("--quick", action="store_true", help="smaller: may be inconclusive, never the opposite")
    words.add_argument("--seeds", type=natural, metavar="N", help="how many seeds")
    words.add_argument("--seed", type=whole, default=0, metavar="ROOT", help="the root seed; all others derive from it")
    words.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a field of the config")
    words.add_argument("--framework", choices=("torch", "keras"), help="the framework of the lab's networks")
    words.add_argument("--portable", action="store_true", help="the same code paths on every CPU of x86-64-v3")
    words.add_argument("--config", choices=("best",), help="best: what the last finished sweep of the lab has found")
    words.add_argument("--trials", type=natural, metavar="N", help="sweep: how many trials")
    words.add_argument("--sampler", choices=SAMPLERS, help="sweep: who chooses the next trials")
    words.add_argument("--pruner", choices=PRUNERS, help="sweep: who ends trials early")
    words.add_argument("--space", action="append", default=[], metavar="KEY=…", help=f"sweep: {SPACE_FORMS}")
    words.add_argument("--batch", type=natural, metavar="N", help="sweep: trials asked for at a time")
    words.add_argument("--fresh", type=whole, metavar="N", help="sweep: new seeds on which the best meets the default")
    words.add_argument("--resume", metavar="RUN", help="take up a run that was interrupted: a key or last:NAME")
    words.add_argument(
        "--on", choices=("local", "ray"), default="local", help="where trials run: here, on a Ray cluster"
    )
    words.add_argument("--gpu", action="store_true", help="on the GPUs of this container, or of a Ray cluster")
    words.add_argument("--workers", type=natural, metavar="N", help="trials at a time (default: one per core)")
    words.add_argument("--json", action="store_true", help="claims: the table as JSON")
    words.add_argument("--expect", metavar="FILE", help="claims: exit 1 if a verdict differs from the ones in FILE")
    return words


def options(said: argparse.Namespace) -> Options:
    """What was said about a lab's run."""
    from lib.harness.contract.settings import Options

    return Options(
        said.quick, said.seeds, said.seed, said.set, said.framework, said.workers, said.portable, said.config
    )


SWEEP_WORDS = ("trials", "sampler", "pruner", "space", "batch", "fresh")
"""The options that only a sweep has."""


def sweep(said: argparse.Namespace, interrupted: Interrupted | None) -> int:
    """Run a sweep of the lab that is named after it. Returns the exit code."""
    entry = find_lab(ROOT, said.runs[0])
    if said.trials is None:
        raise UserError(f"sweep {entry.name}: {NO_TRIALS}")
    with workers_of(said, entry) as workers:
        from lib.harness.commands.sweep import Sweep, run_sweep

        asked = Sweep(**{name: value for name in SWEEP_WORDS if (value := getattr(said, name)) is not None})
        return run_sweep(entry, asked, options(said), workers, interrupted)


def take_up(said: argparse.Namespace) -> Interrupted:
    """The run that ``--resume`` names. What was said when it began is said again.

    Raises:
        UserError: there is no such run to be taken up, or something else is said now.
    """
    from lib.harness.recording.journal import journal_root
    from lib.harness.running import resumption

    of_sweep = said.name == "sweep" and len(said.runs) == 1
    if said.name in COMMANDS and not of_sweep:
        raise UserError(f"--resume takes up the run of a lab or of a sweep: {said.name} has none")
    for option in ("quick", "seeds", "seed", "set", "framework", "portable", "config", *SWEEP_WORDS):
        if getattr(said, option):
            raise UserError(f"--resume goes on as the run began: leave out --{option}")
    word = said.runs[0] if of_sweep else said.name
    lab = find_lab(ROOT, word).name if is_path(word) else word
    experiment = f"{lab}{SWEEP}" if of_sweep else lab
    named = f"{said.resume}{SWEEP}" if of_sweep and said.resume == f"last:{lab}" else said.resume
    found = resumption.find(journal_root(), experiment, named)
    if of_sweep:
        again = parser().parse_args(["sweep", *json.loads(found.tags["lab.sweep"])])
        for option in SWEEP_WORDS:
            setattr(said, option, getattr(again, option))
    said.seed = int(found.tags["lab.seed"])
    said.quick, said.portable = (found.tags[tag] == "true" for tag in ("lab.quick", "lab.portable"))
    return found


def workers_of(said: argparse.Namespace, entry: LabEntry) -> Workers:
    """The workers that run a lab's trials, where ``--on`` says; they find its module, wherever it is."""
    place(entry)
    if said.on == "ray":
        from lib.harness.running.ray.pool import RayWorkers

        return RayWorkers(entry.module)
    from lib.harness.running.pool import Workers

    return Workers(said.workers)


def over_all_labs(said: argparse.Namespace) -> Callable[[], int]:
    """The command that reads the records of all labs."""
    if said.name == "labs":
        from lib.harness.commands.labs import print_labs

        return lambda: print_labs(ROOT)
    if said.name == "claims":
        from lib.harness.commands.claims import claims

        return lambda: claims(ROOT, said.runs, options(said), as_json=said.json, expect=said.expect)
    if said.name == "report":
        from lib.harness.showing.report import print_report

        return lambda: print_report(ROOT, said.runs)
    from lib.harness.commands.sync import sync

    return sync


def command(said: argparse.Namespace, interrupted: Interrupted | None) -> Callable[[], int] | None:
    """What is asked for, if it is not a lab."""
    named = COMMANDS.get(said.name, 0)
    if named is not None and len(said.runs) != named:
        raise UserError(
            f"{said.name}: {named} runs are named after it, not {len(said.runs)}. All options: python -m lib --help"
        )
    match said.name:
        case "sweep":
            return lambda: sweep(said, interrupted)
        case "labs" | "claims" | "report" | "sync":
            return over_all_labs(said)
        case "record" | "compare" | "diff":
            from lib.harness.commands import reproduce as reproduction

            does: dict[str, Callable[..., int]] = {
                "record": reproduction.record,
                "compare": reproduction.compare_again,
                "diff": reproduction.diff,
            }
            return lambda: does[said.name](*said.runs)
        case "export" | "import":
            from lib.harness.commands import transfer

            return lambda: (transfer.export if said.name == "export" else transfer.import_)(*said.runs)
    return None


def main(arguments: list[str]) -> int:
    """Run one command. Returns its exit code."""
    said = parser().parse_args(arguments)
    interrupted = take_up(said) if said.resume is not None else None
    if said.gpu:
        from lib.harness.machine import gpus

        if said.portable:
            raise UserError("--gpu --portable: one of them; the same bits on every CPU are not to be had on a GPU")
        gpus.enable(elsewhere=said.on == "ray")
    if said.portable:
        from lib.harness.machine import determinism, scope

        scope.require_portable()
        os.environ.update(determinism.portable())  # workers inherit it, and NumPy here reads it when it is loaded
    asked = command(said, interrupted)
    if asked is not None:
        return asked()
    entry = find_lab(ROOT, said.name)
    with workers_of(said, entry) as workers:  # their processes start while this one loads the rest
        from lib.harness.commands.lab import run_lab

        return run_lab(entry, options(said), workers, interrupted)


def interrupt(*_: object) -> NoReturn:
    """SIGTERM ends a command as Ctrl-C does."""
    raise KeyboardInterrupt


def say(words: str, error: BaseException) -> None:
    """One line on standard error: `words`, and what was added to the error on its way."""
    print(". ".join([words.removesuffix("."), *getattr(error, "__notes__", [])]), file=sys.stderr)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, interrupt)
    try:
        code = main(sys.argv[1:])
    except UserError as error:
        say(str(error), error)
        code = 2
    except KeyboardInterrupt as error:
        say("Interrupted. What was finished is kept; open runs are recorded as KILLED", error)
        code = 130
    sys.exit(code)
