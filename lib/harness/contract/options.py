"""The table of all commands' options, as typed: for ./invoke, ``python -m lib`` in the container, and docs/commands.md.

The host reads this file before any package is installed: nothing but the standard library is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lib.harness.errors import UserError, short

SAMPLERS = ("tpe", "random", "grid", "cmaes")
PRUNERS = ("median", "none", "hyperband", "halving")
"""Each with its default first."""
SPACE_FORMS = "KEY=LOW:HIGH, KEY=LOW:HIGH:log, KEY=LOW:HIGH:STEP or KEY=a,b,c"
NO_TRIALS = "say how many trials, as in --trials 30"
SWEEP = "-sweep"
"""Ends the name of the experiment of a lab's sweeps."""
DIGITS = 30
"""Of a whole number, at most; zeros that lead count."""
MOST_WORKERS = 1024
PRUNED = "lab.pruned"
"""The tag of a trial that was pruned: MLflow has no status for that, and it is no failure."""


@dataclass(frozen=True)
class Argument:
    """A word that a command needs, without dashes. `optional`: it may be left out."""

    name: str
    metavar: str
    help: str
    optional: bool = False


@dataclass(frozen=True)
class Option:
    """An option of one or more commands.

    Attributes:
        name: as it is typed, without dashes.
        commands: those of ./invoke that take it.
        metavar: stands for its value in help; empty for a flag.
        default: its value where it is not given; empty for none.
        least, most: the smallest and the largest whole number that it may be; None where it is no number.
        choices: the values that it may have; empty where they are not listed.
        form: the form of a value KEY=…, with an example.
        repeatable: it may be given several times.
        in_container: the program in the container also takes it.
    """

    name: str
    commands: tuple[str, ...]
    help: str
    metavar: str = ""
    default: str = ""
    least: int | None = None
    most: int = 10**18
    choices: tuple[str, ...] = ()
    form: str = ""
    repeatable: bool = False
    in_container: bool = False

    @property
    def key(self) -> str:
        """Its name as a Python name."""
        return self.name.replace("-", "_")

    @property
    def flag(self) -> str:
        """Its name with dashes."""
        return f"--{self.name}" if len(self.name) > 1 else f"-{self.name}"

    @property
    def explanation(self) -> str:
        """Its help, with the default and whether it may be repeated."""
        more = f" (default: {self.default})" if self.default else ""
        return f"{self.help}{more}{'; may be repeated' if self.repeatable else ''}"

    def check(self, text: str) -> None:
        """Raises `UserError` for a value that it cannot have."""
        if self.least is not None:
            number = int(text[:DIGITS]) if text.isascii() and text.isdecimal() else -1
            if number < self.least:
                raise UserError(f"{self.flag} {short(text)}: a whole number of at least {self.least} is needed")
            if number > self.most or len(text) > DIGITS:
                raise UserError(f"{self.flag} {short(text)}: a whole number of at most {self.most:,} is needed")
        if self.choices and text not in self.choices:
            known = " or ".join(self.choices) if len(self.choices) < 3 else f"one of {', '.join(self.choices)}"
            raise UserError(f"{self.flag} {short(text)}: it is {known}")
        if self.form:
            key, equals, value = text.partition("=")
            if not (key.strip() and equals and value.strip()):
                raise UserError(f"{self.flag} {short(text)}: write it as {self.flag} {self.form}")


def _both(name: str, help: str, **more: Any) -> Option:
    return Option(name, ("lab", "sweep"), help, in_container=True, **more)


def _lab(name: str, help: str, **more: Any) -> Option:
    return Option(name, ("lab",), help, in_container=True, **more)


def _sweep(name: str, help: str, **more: Any) -> Option:
    return Option(name, ("sweep",), help, in_container=True, **more)


NAME = Argument("name", "NAME|PATH", "the lab: a name of ./invoke labs, or the path of a lab's file or folder")
RUN = Argument("run", "RUN", "the run: its key (lab.run), MLflow's id, the beginning of one, or last:NAME")
ARGUMENTS: dict[str, tuple[Argument, ...]] = {
    "lab": (NAME,),
    "sweep": (NAME,),
    "reproduce": (Argument("run", "RUN|every", f"{RUN.help}; every: the last run of each lab"),),
    "diff": (
        Argument("run", "RUN|FILE", f"{RUN.help}; or a file of ./invoke reproduce RUN --ops"),
        Argument("other", "RUN|FILE", "the run, or the file of the same step, to compare it with"),
    ),
    "export": (Argument("run", "RUN|all:NAME", f"{RUN.help}; all:NAME: all runs of a lab"),),
    "import": (Argument("folder", "FOLDER", "a folder that ./invoke export has made"),),
    "forget": (
        Argument("run", "RUN", "the run: its key (lab.run), the beginning of one, or last:NAME", optional=True),
    ),
    "backup": (Argument("file", "FILE", "the new file to write"),),
    "restore": (Argument("file", "FILE", "a file that ./invoke backup has written"),),
    "completion": (Argument("shell", "bash|zsh", "the shell"),),
    "load": (Argument("file", "FILE", "a file that ./invoke bundle has written"),),
}

OPTIONS = (
    Option("gpu", ("up",), "JupyterLab with the GPUs of this machine"),
    Option("framework", ("up",), "with --gpu: the framework that computes there", "torch|keras"),
    Option("workers", ("up",), "also start a Ray cluster of N workers, for ./invoke lab NAME --on ray", "N", least=1,
           most=MOST_WORKERS),
    Option("internet", ("up",), "let JupyterLab reach the internet and your network, which it does not otherwise"),
    Option("new-token", ("up",), "give JupyterLab a new token: links with the old one stop working"),
    Option("volumes", ("down",), "delete this instance's runs, journals and artifacts too, after asking for its name"),
    Option("json", ("status", "images", "doctor", "bench"), "print it as JSON"),
    _both("quick", "smaller: a verdict may be inconclusive, never the opposite"),
    _lab("seeds", "how many seeds", metavar="N", least=1),
    _both("seed", "the root seed, from which all others derive", metavar="ROOT", default="0", least=0),
    _lab("set", "change a field of the lab's config", metavar="KEY=VALUE", form="KEY=VALUE, as in --set epochs=3",
         repeatable=True),
    _sweep("set", "fix a field of the lab's config, which is then not searched", metavar="KEY=VALUE",
           form="KEY=VALUE, as in --set epochs=3", repeatable=True),
    _both("framework", "the framework of the lab's networks", metavar="torch|keras"),
    _lab("portable", "the same bits on other processors with AVX2, as far as lab.scope says (docs/portable.md)"),
    _lab("gpu", "on the NVIDIA GPUs of this machine, or with --on ray on those of a cluster"),
    _lab("config", "the settings that the last finished sweep of the lab has found", metavar="best",
         choices=("best",)),
    _sweep("trials", "how many trials the search asks for", metavar="N", least=1),
    _sweep("sampler", f"the sampler: {', '.join(SAMPLERS)}", metavar="NAME", default=SAMPLERS[0], choices=SAMPLERS),
    _sweep("pruner", f"the pruner, which ends trials early: {', '.join(PRUNERS)}", metavar="NAME", default=PRUNERS[0],
           choices=PRUNERS),
    _sweep("space", f"the values that a field may have: {SPACE_FORMS}", metavar="KEY=…", form=SPACE_FORMS,
           repeatable=True),
    _sweep("batch", "trials asked for at a time", metavar="N", default="4", least=1),
    _sweep("fresh", "new seeds on which the best is compared with the default", metavar="N", default="5", least=0),
    _both("on", "where the trials run: here, or on a Ray cluster (./invoke up --workers N, or RAY_ADDRESS)",
          metavar="local|ray", default="local", choices=("local", "ray")),
    Option("workers", ("lab", "sweep", "claims"),
           "trials at a time; by default one per core, as far as LAB_MEMORY has room for them", "N", least=1,
           most=MOST_WORKERS, in_container=True),
    _both("resume", "resume an interrupted run: its key, the beginning of one, or last:NAME", metavar="RUN"),
    _lab("debug", "run the first trial in one process, where breakpoints and prints work; nothing is tracked"),
    _lab("rehearse", "run every variant up to its first record, then every claim and figure; nothing is tracked"),
    Option("image", ("reproduce",), "where none is of the recorded content, run in the present one, which is recorded",
           "near", choices=("near",)),
    Option("ops", ("reproduce",), "write the hashes of all operations of a step, by default the first that differs, to "
           "a file for ./invoke diff"),
    Option("trial", ("reproduce",), "with --ops: only this trial, as in 'adam, seed 3'; nothing is compared", "NAME",
           in_container=True),
    Option("step", ("reproduce",), "with --ops: only this step, as it was logged; end: what the trial does after its "
           "last one", "STEP", in_container=True),
    Option("only", ("claims", "report"), "this lab instead of the lecture's: a name of ./invoke labs", "NAME",
           repeatable=True),
    Option("quick", ("claims",), "smaller runs", in_container=True),
    Option("seed", ("claims",), "the root seed of the runs, from which all others derive", "ROOT", default="0", least=0,
           in_container=True),
    Option("json", ("lab", "sweep", "labs", "claims", "diff"), "print what comes out as JSON, and all else on standard "
           "error", in_container=True),
    Option("expect", ("claims",), "exit with 1 when a verdict differs from those in FILE, which --json has printed",
           "FILE", in_container=True),
    Option("publish", ("claims",), "also write the table and its pictures into docs/; of full runs"),
    Option("from-local", ("sync",), "first add the runs of local mode to those of the containers"),
    Option("older-than", ("forget",), "instead of RUN: all runs that ended more than DAYS days ago", "DAYS", least=0,
           in_container=True),
    Option("replace", ("restore",), "delete the runs that this instance has"),
    Option("out", ("report",), "the file to write", "FILE", default="report.html"),
    Option("folder", ("report",), "instead: a new folder to write, the page with its pictures beside it", "DIR"),
    Option("out", ("site",), "the folder to write; an older site in it is replaced", "DIR", default="site"),
    Option("execute", ("site",), "first run the lessons that have changed since they ran, for their outputs"),
    Option("out", ("export",), "the new folder for the files", "FOLDER", default="records"),
    Option("out", ("reproduce",), "with --ops: the new file for the hashes (default: operations.jsonl)", "FILE"),
    Option("out", ("bundle",), "the file to write", "FILE", default="fearless-labs-bundle.tar"),
    Option("sha256", ("load",), "refuse the file unless this is its SHA-256, which ./invoke bundle has printed", "SUM"),
    Option("gpu", ("build",), "the two images for GPUs instead; needs no GPU"),
    Option("check", ("build",), "only build each image twice from nothing and compare all files (exit with 1 when one "
           "differs)"),
    Option("check", ("lock",), "only compare the locks with their .in files (exit with 1 when one differs)"),
    Option("fix", ("doctor",), "as root on Debian or Ubuntu: install and start what is missing, after its plan"),
    Option("yes", ("doctor",), "with --fix: agree to its plan without being asked"),
    Option("yes", ("clean",), "agree to what it would remove without being asked"),
    Option("only", ("bench",), "a file of benchmarks/, without .py", "NAME", repeatable=True),
    Option("all", ("test",), "the slow tests too"),
    Option("only", ("test",), "a part: lint, harness, lib, lessons, host or browser", "PART", repeatable=True),
    Option("k", ("test",), "only tests whose name matches, as pytest's -k", "EXPR"),
    Option("minutes", ("torture",), "how long to try", "N", default="10", least=1),
    Option("planted", ("torture",), "instead: look for each of the thirty bugs of tests/planted"),
    Option("replay", ("torture",), "instead: try one schedule or fault again, as a failure was printed", "WHAT"),
    Option("gpu-images", ("test",), "only the images for GPUs, which it builds (44 GiB, a quarter of an hour); needs "
           "no GPU"),
    Option("local", ("up", "lab", "sweep", "claims", "report", "site", "export", "import", "sync", "forget", "bench",
            "test", "torture"),
           "without Docker: in an environment made from the same lock"),
)  # fmt: skip


def options_of(command: str) -> tuple[Option, ...]:
    """The options of a command of ./invoke, in the order of the table."""
    return tuple(option for option in OPTIONS if command in option.commands)


def options_in_container() -> dict[str, Option]:
    """The options of ``python -m lib`` by name; one that several commands take has the help of the first."""
    return {option.name: option for option in reversed(OPTIONS) if option.in_container}


def check(options: tuple[Option, ...], values: Mapping[str, Any]) -> None:
    """Raises `UserError` for the first value that its option cannot have. `values`: by the option's `key`."""
    for option in options:
        given = values.get(option.key)
        for text in given if isinstance(given, list) else [given]:
            if isinstance(text, str):
                option.check(text)


def arguments(options: tuple[Option, ...], values: Mapping[str, Any]) -> list[str]:
    """The given options as the program in the container takes them."""
    line: list[str] = []
    for option in options:
        given = values.get(option.key)
        if not option.in_container or given in (None, False, []):
            continue
        if given is True:
            line.append(option.flag)
        else:
            for text in given if isinstance(given, list) else [given]:
                line += [option.flag, text]
    return line
