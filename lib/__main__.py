"""``python -m lib NAME …`` runs a lab; ``python -m lib claims …`` and the like do what their name says.

The only entry into a container. It loads the standard library until it knows what is asked for.
"""

from __future__ import annotations

import _signal as early  # the built-in part of signal, which imports nothing

if __name__ == "__main__" and early.getsignal(early.SIGINT) is early.default_int_handler:
    early.signal(early.SIGINT, early.SIG_DFL)  # Ctrl-C during the imports is no traceback

import argparse
import json
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: the parent computes nothing

from lib.harness.contract.catalogue import find_lab, is_path
from lib.harness.contract.loading import place
from lib.harness.contract.options import NO_TRIALS, SWEEP, check, options_in_container
from lib.harness.errors import UserError, one_line
from lib.harness.recording.journal import share
from lib.harness.showing.progress import end_with_reader
from lib.harness.signals import Interrupt, end_with

if TYPE_CHECKING:
    from lib.harness.contract.settings import Options
    from lib.harness.contract.source import LabEntry
    from lib.harness.running.pool import Workers
    from lib.harness.running.resumption import Interrupted

ROOT = Path(__file__).resolve().parents[1]
OPTIONS = options_in_container()


class Parser(argparse.ArgumentParser):
    """Usage errors are one line, as all bad input."""

    def error(self, message: str) -> NoReturn:
        """End with one line and exit code 2."""
        raise UserError(f"{message}. All options: python -m lib --help")


COMMANDS = {
    "sweep": 1,
    "labs": 0,
    "claims": None,
    "report": None,
    "published": None,
    "report-folder": None,
    "record": 1,
    "compare": 1,
    "diff": 2,
    "export": 1,
    "import": 1,
    "sync": 0,
    "forget": None,
}
"""The commands other than labs, and how many arguments (runs, folders or labs) each takes; None: any number."""


def parser() -> Parser:
    """The command line. An option that is not given is None, False or an empty list."""
    line = Parser(
        prog="python -m lib",
        description=f"Run a lab, or: {', '.join(COMMANDS)}.",
        allow_abbrev=False,
    )
    line.add_argument("name", help=f"a lab's name or path, or {', '.join(COMMANDS)}")
    line.add_argument(
        "runs",
        nargs="*",
        help="record, compare, export: RUN; diff: RUN RUN; import: FOLDER; sweep: LAB; claims, report, report-folder: "
        "LAB …; published: DOCS LAB …",
    )
    for option in OPTIONS.values():
        of = "" if "lab" in option.commands else f"{', '.join(option.commands)}: "
        explanation = of + option.explanation.replace("%", "%%")
        if not option.metavar:
            line.add_argument(option.flag, action="store_true", help=explanation)
        elif option.repeatable:
            line.add_argument(option.flag, action="append", default=[], metavar=option.metavar, help=explanation)
        else:
            line.add_argument(option.flag, metavar=option.metavar, help=explanation)
    return line


def parse(arguments: list[str]) -> argparse.Namespace:
    """The command line as a namespace. Raises `UserError` for an option or a value that there is not."""
    args = parser().parse_args(arguments)
    check(tuple(OPTIONS.values()), vars(args))
    return args


def number(text: str | None) -> int | None:
    """A checked whole number, None where it is not given."""
    return None if text is None else int(text)


def options(args: argparse.Namespace) -> Options:
    """The options of a lab's run."""
    from lib.harness.contract.settings import Options

    return Options(
        quick=args.quick,
        seeds=number(args.seeds),
        seed=int(args.seed or OPTIONS["seed"].default),
        changes=args.set,
        framework=args.framework,
        workers=number(args.workers),
        portable=args.portable,
        config=args.config,
    )


SWEEP_OPTIONS = ("trials", "sampler", "pruner", "space", "batch", "fresh")
"""The options that only a sweep has."""


def sweep(args: argparse.Namespace, interrupted: Interrupted | None) -> int:
    """Run a sweep of the lab whose name follows ``sweep``. Returns the exit code."""
    entry = find_lab(ROOT, args.runs[0])
    if args.trials is None:
        raise UserError(f"sweep {entry.name}: {NO_TRIALS}")
    with workers_of(args, entry) as workers:
        from lib.harness.commands.sweep import Sweep, run_sweep

        search = Sweep(
            trials=int(args.trials),
            sampler=args.sampler or OPTIONS["sampler"].default,
            pruner=args.pruner or OPTIONS["pruner"].default,
            space=args.space,
            batch=int(args.batch or OPTIONS["batch"].default),
            fresh=int(args.fresh or OPTIONS["fresh"].default),
        )
        return run_sweep(entry, search, options(args), workers, interrupted, as_json=args.json)


def resumed(args: argparse.Namespace) -> Interrupted:
    """The run that ``--resume`` names; the options with which it began are set again in `args`.

    Raises:
        UserError: there is no such run that can be resumed, or other options are given now.
    """
    from lib.harness.recording.journal import journal_root
    from lib.harness.recording.reading import damaged
    from lib.harness.running import resumption

    of_sweep = args.name == "sweep" and len(args.runs) == 1
    if args.name in COMMANDS and not of_sweep:
        raise UserError(f"--resume resumes the run of a lab or of a sweep: {args.name} has none")
    for option in ("quick", "seeds", "seed", "set", "framework", "portable", "config", *SWEEP_OPTIONS):
        if getattr(args, option):
            raise UserError(f"--resume continues the run as it began: leave out --{option}")
    word = args.runs[0] if of_sweep else args.name
    lab = find_lab(ROOT, word).name if is_path(word) else word
    experiment = f"{lab}{SWEEP}" if of_sweep else lab
    named = f"{args.resume}{SWEEP}" if of_sweep and args.resume == f"last:{lab}" else args.resume
    interrupted = resumption.find(journal_root(), experiment, named)
    try:
        recorded = ["sweep", *json.loads(interrupted.tags["lab.sweep"])] if of_sweep else [lab]
        original = parse([*recorded, "--seed", interrupted.tags["lab.seed"]])
    except (UserError, KeyError, ValueError, TypeError, RecursionError):
        raise damaged(interrupted.folder / "run.jsonl", "is damaged in its first record") from None
    for option in SWEEP_OPTIONS if of_sweep else ():
        setattr(args, option, getattr(original, option))
    args.seed = original.seed
    args.quick, args.portable = (interrupted.tags.get(tag) == "true" for tag in ("lab.quick", "lab.portable"))
    return interrupted


def workers_of(args: argparse.Namespace, entry: LabEntry) -> Workers:
    """The workers that run a lab's trials, where ``--on`` says; they find its module, wherever it is."""
    place(entry)
    if args.on == "ray":
        from lib.harness.running.ray.pool import RayWorkers

        return RayWorkers(entry.module)
    from lib.harness.running.pool import Workers

    return Workers(number(args.workers), entry.frameworks)


def over_all_labs(args: argparse.Namespace) -> Callable[[], int]:
    """The command that reads the records of all labs."""
    if args.name == "labs":
        from lib.harness.commands.labs import print_labs

        return lambda: print_labs(ROOT, args.json)
    if args.name == "claims":
        from lib.harness.commands.claims import claims

        return lambda: claims(ROOT, args.runs, options(args), as_json=args.json, expect=args.expect)
    if args.name in ("report", "report-folder"):
        from lib.harness.showing.report import print_report

        return lambda: print_report(ROOT, args.runs, folder=args.name == "report-folder")
    if args.name == "published":
        if not args.runs:
            raise UserError("published takes the folder docs, then labs. All options: python -m lib --help")
        from lib.harness.showing.published import print_published

        return lambda: print_published(ROOT, Path(args.runs[0]), args.runs[1:], options(args))
    from lib.harness.commands.sync import sync

    return sync


def command(args: argparse.Namespace, interrupted: Interrupted | None) -> Callable[[], int] | None:
    """The command that is asked for, if it is not a lab."""
    named = COMMANDS.get(args.name, 0)
    if named is not None and len(args.runs) != named:
        arguments = "argument" if named == 1 else "arguments"
        raise UserError(
            f"{args.name} takes {named} {arguments}, but you gave {len(args.runs)}. All options: python -m lib --help"
        )
    match args.name:
        case "sweep":
            return lambda: sweep(args, interrupted)
        case "labs" | "claims" | "report" | "report-folder" | "published" | "sync":
            return over_all_labs(args)
        case "forget":
            from lib.harness.commands.forget import forget

            return lambda: forget(args.runs, args.older_than)
        case "record" | "compare" | "diff":
            from lib.harness.commands import reproduce as reproduction

            does: dict[str, Callable[..., int]] = {
                "record": reproduction.record,
                "compare": reproduction.compare_again,
                "diff": partial(reproduction.diff, as_json=args.json),
            }
            return lambda: does[args.name](*args.runs)
        case "export" | "import":
            from lib.harness.commands import transfer

            return lambda: (transfer.export if args.name == "export" else transfer.import_)(*args.runs)
    return None


def main(arguments: list[str]) -> int:
    """Run one command. Returns its exit code."""
    args = parse(arguments)
    try:
        return run(args)
    except SystemExit as error:
        raise UserError(f"the lab's code has ended the program (sys.exit({error.code!r})): take that out") from error


def run(args: argparse.Namespace) -> int:
    """Run the command that these arguments ask for. Returns its exit code."""
    share()
    end_with_reader()
    inside = args.debug or args.rehearse
    interrupted = resumed(args) if args.resume is not None and not inside else None
    if args.gpu:
        from lib.harness.machine import gpus

        if args.portable:
            raise UserError("--gpu and --portable cannot be combined: a GPU does not give a CPU's bits")
        gpus.enable(elsewhere=args.on == "ray")
    if args.portable:
        from lib.harness.machine import determinism, scope

        scope.require_portable()
        os.environ.update(determinism.portable())  # workers inherit it, and NumPy here reads it when it is loaded
    from lib.kernels import choice

    choice.choose(args.portable, args.gpu)
    if inside:
        return look_inside(args)
    asked = command(args, interrupted)
    if asked is not None:
        return asked()
    entry = find_lab(ROOT, args.name)
    with workers_of(args, entry) as workers:  # their processes start while this one loads the rest
        from lib.harness.commands.lab import run_lab

        return run_lab(entry, options(args), workers, interrupted, as_json=args.json)


def look_inside(args: argparse.Namespace) -> int:
    """Run ``--debug`` or ``--rehearse`` of a lab. Returns the exit code.

    Raises:
        UserError: an option that has no meaning with it.
    """
    asked = "debug" if args.debug else "rehearse"
    others = {
        "rehearse": args.debug and args.rehearse,
        "resume": args.resume is not None,
        "json": args.json,
        "on": args.on == "ray",
        "workers": args.debug and args.workers is not None,
    }
    for option in (name for name, given in others.items() if given):
        raise UserError(f"--{asked} and --{option} cannot be combined")
    if args.name in COMMANDS:
        raise UserError(f"--{asked} is for a lab, as in ./invoke lab tiny --{asked}; {args.name} is a command")
    entry = find_lab(ROOT, args.name)
    if args.debug:
        from lib.harness.commands.debug import debug

        return debug(entry, options(args))
    with workers_of(args, entry) as workers:
        from lib.harness.commands.rehearse import rehearse

        try:
            return rehearse(entry, options(args), workers)
        except KeyboardInterrupt:
            print("Interrupted; nothing was recorded", file=sys.stderr)
            return 130


def say(words: str, error: BaseException) -> None:
    """One line on standard error: `words`, and what was added to the error on its way."""
    print(one_line(". ".join([words.removesuffix("."), *getattr(error, "__notes__", [])])), file=sys.stderr)


if __name__ == "__main__":
    end_with(lambda _: Interrupt())
    try:
        code = main(sys.argv[1:])
    except UserError as error:
        say(str(error), error)
        code = 2
    except KeyboardInterrupt as error:
        say("Interrupted. What was finished is kept; open runs are recorded as KILLED", error)
        code = 130
    sys.exit(code)
