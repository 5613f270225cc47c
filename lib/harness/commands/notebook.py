"""Runs a lab from a cell of a notebook: in a process of its own, recorded as everywhere; the result is its verdicts."""

from __future__ import annotations

import html
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

from lib.harness.contract.catalogue import OUTSIDE, PACKAGES, SNAPSHOT, find_lab
from lib.harness.contract.lab import Lab
from lib.harness.contract.loading import place
from lib.harness.contract.source import LabEntry
from lib.harness.errors import UserError
from lib.harness.recording.journal import journal_root
from lib.harness.recording.provenance import ROOT, read_code
from lib.harness.recording.reading import files_of
from lib.harness.recording.recorder import plain
from lib.harness.showing.display import number, part_name
from lib.harness.showing.progress import PIPE

OF_THE_KERNEL = ("MPLBACKEND", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE")
"""Variables that Jupyter sets for what a kernel itself prints and draws."""
PATHS = "LAB_PATHS"  # folders of labs, for this process and those that it starts
OF_THE_START = ("LAB_GIT_COMMIT", "LAB_GIT_DIRTY")
"""What was known of the code when JupyterLab was started; it may be another by now, so a run says ``unknown``."""
COLUMNS = ("claim", "verdict", "effect", "95 % interval", "holds when", "unit")
COLOURS = {"holds": "#009E73", "fails": "#D55E00", "inconclusive": "#E69F00", "not measured": "#CC79A7"}


class LabError(UserError):
    """A lab that could not be run; a notebook shows its line alone."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


@dataclass(frozen=True)
class Outcome:
    """The outcome of a run; as the value of a cell, the table of verdicts.

    Attributes:
        run: its key, which every command accepts for RUN.
        url: its page in MLflow; empty if MLflow was not running (``./invoke sync`` sends the run later).
        claims: the records of ``claims.json``, each row of the lecture followed by its parts.
        warnings: one line each, for example for trials that failed.
    """

    run: str
    url: str
    claims: list[dict[str, Any]]
    warnings: tuple[str, ...] = ()

    def __repr__(self) -> str:
        rows = [COLUMNS, *map(_cells, self.claims)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        table = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
        return "\n".join([*table, *(f"Warning: {line}" for line in self.warnings), f"run {self.run}", self.url]).strip()

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{column}</th>" for column in COLUMNS)
        rows = "".join(_html_row(claim) for claim in self.claims)
        warnings = "".join(f"<p>Warning: {html.escape(line)}</p>" for line in self.warnings)
        key = html.escape(self.run)
        link = f'<a href="{html.escape(self.url)}" target="_blank">{key}</a>' if self.url.startswith("http") else key
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{warnings}<p>run {link}</p>"


@dataclass
class Progress:
    """The progress of a run, as a cell shows it."""

    name: str
    asked: int = 0
    ended: int = 0
    failed: int = 0
    trial: str = ""

    def __repr__(self) -> str:
        failed = f", {self.failed} failed" if self.failed else ""
        return f"{self.name}: {self.ended} of {self.asked} trials{failed}"

    def _repr_html_(self) -> str:
        bar = f'<progress max="{max(self.asked, 1)}" value="{self.ended}"></progress>'
        return f"{bar} {html.escape(repr(self))} <small>{html.escape(self.trial)}</small>"


def run(
    lab: str | Path | Lab | ModuleType,
    quick: bool = True,
    seeds: int | None = None,
    seed: int = 0,
    framework: str | None = None,
    **changes: Any,
) -> Outcome:
    """Run a lab as ``./invoke lab`` does, from a copy of its code as it is now, and return what it has shown.

    Interrupting the kernel ends the lab as Ctrl-C does: what was finished is kept, and the run is recorded as KILLED.

    Args:
        lab: its name, the path of its file or folder, its module, or the `Lab` of a module.
        quick: the smaller run; False: the full one.
        seeds: how many seeds; None: the config's number.
        seed: the root seed.
        framework: of the lab's networks; None: the lab's first.
        changes: of fields of the lab's config.

    Raises:
        UserError: no such lab, bad settings, or what the lab ended with, in one line.
    """
    options = ["--seed", str(seed)] + ["--quick"] * quick
    options += ["--seeds", str(seeds)] * (seeds is not None)
    options += ["--framework", str(framework)] * (framework is not None)
    for name, value in changes.items():
        options += ["--set", f"{name}={json.dumps(plain(value))}"]
    try:
        entry = find_lab(ROOT, _word(lab))
        journal = journal_root()
        with TemporaryDirectory(prefix="lab-") as folder:
            _copy(_code_of(entry), Path(folder, "code"))
            facts = _follow(entry.name, options, Path(folder))
    except UserError as error:
        raise LabError(str(error)) from None
    claims = json.loads((files_of(journal / facts["run"] / "run.jsonl") / "claims.json").read_bytes())
    return Outcome(facts["run"], facts.get("url", ""), claims, tuple(facts["warnings"]))


def _word(lab: str | Path | Lab | ModuleType) -> str:
    """Return the word that names a lab on the command line: its name, or its file.

    Raises:
        UserError: it is not a lab, or not in a file.
    """
    if isinstance(lab, (str, Path)):
        return str(lab)
    if isinstance(lab, Lab):
        modules = (module for module in list(sys.modules.values()) if getattr(module, "LAB", None) is lab)
        module = next(modules, None)
    else:
        module = lab if isinstance(lab, ModuleType) else None
    file = getattr(module, "__file__", None)
    if not isinstance(getattr(module, "LAB", None), Lab):
        raise UserError("run(lab): a lab is given by its name, its path, its module or the LAB of a module")
    if file is None:
        raise UserError(
            "run(lab): this lab is in no file, so nobody could run it again: write the cell to one (%%writefile)"
        )
    return str(module.LAB.name) if Path(file).is_relative_to(ROOT / "lib") else str(file)  # type: ignore[union-attr]


def _code_of(entry: LabEntry) -> dict[str, bytes]:
    """The files of a run of a lab, as its record will have them, by their paths in a clone.

    They are found as the lab's own process finds them, from where the kernel's folder says nothing.
    """
    paths, variable = list(sys.path), os.environ.get(PATHS)
    sys.path[:] = [path for path in paths if Path(path).resolve() != entry.root.resolve()]
    try:
        place(entry)
        files = read_code(entry.module).files
    finally:
        sys.path[:] = paths
        os.environ.pop(PATHS, None)
        if variable is not None:
            os.environ[PATHS] = variable
    return {
        f"{PACKAGES}{name.removeprefix(OUTSIDE)}" if name.startswith(f"{OUTSIDE}/") else name: data
        for name, data in files.items()
    }


def _copy(files: Mapping[str, bytes], folder: Path) -> None:
    """Write files by their paths below `folder`."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def _follow(name: str, options: Iterable[str], folder: Path) -> dict[str, Any]:
    """Run the lab from the copy in ``folder / "code"`` and show its progress. Returns the last of each that it told.

    Raises:
        UserError: it could not be run; the message is the program's.
        KeyboardInterrupt: the kernel was interrupted. The lab has ended then.
    """
    reader, writer = os.pipe()
    with (folder / "out").open("w+b") as out, (folder / "err").open("w+b") as err, os.fdopen(reader) as events:
        process = subprocess.Popen(
            [sys.executable, "-m", "lib", name, *options],
            cwd=folder / "code",
            env=_environment(folder / "code", writer),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            pass_fds=[writer],
            process_group=0,  # an interrupted kernel passes the signal on to its group: the lab gets one, from here
        )
        os.close(writer)
        try:
            facts = _shown(name, events)
            code = process.wait()
        except KeyboardInterrupt:
            process.send_signal(signal.SIGTERM)
            process.wait()
            print(_text(err))
            raise
        finally:
            if process.poll() is None:  # interrupted twice
                process.kill()
                process.wait()
        if code not in (0, 1) or "run" not in facts:
            raise UserError(_text(err) or f"the lab has ended with exit code {code}")
        return facts


def _environment(code: Path, pipe: int) -> dict[str, str]:
    """The environment of the lab's process: the kernel's, with the copy in the place of the code that was copied."""
    kept = {name: value for name, value in os.environ.items() if name not in (*OF_THE_KERNEL, *OF_THE_START, PATHS)}
    others = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    paths = [str(code), *(path for path in others if not Path(path).is_relative_to(ROOT))]
    return kept | {"PYTHONPATH": os.pathsep.join(paths), SNAPSHOT: "1", PIPE: str(pipe)}


def _shown(name: str, events: Iterable[str]) -> dict[str, Any]:
    """Show the progress that a lab tells, until it has ended. Returns the last of each fact, and all warnings."""
    from IPython.core.getipython import get_ipython
    from IPython.display import display

    progress = Progress(name)
    in_cell = get_ipython() is not None
    handle = display(progress, display_id=True) if in_cell else None  # type: ignore[no-untyped-call]
    facts: dict[str, Any] = {"warnings": []}
    for event in map(json.loads, events):
        if "warning" in event:
            facts["warnings"].append(event["warning"])
        elif "asked" in event:
            progress = Progress(name, **event)
            if handle is not None:
                handle.update(progress)
        else:
            facts |= event
    return facts


def _text(file: Any) -> str:
    """Return the output that a program has written to its own file."""
    file.seek(0)
    return str(file.read().decode(errors="replace").strip())


def _cells(claim: Mapping[str, Any]) -> tuple[str, ...]:
    """The cells of a claim's row; the row of a claim with parts has its verdict alone."""
    name = f"  {part_name(claim)}" if "/" in claim["id"] else claim["id"]
    if "part" in claim:
        return name, claim["verdict"], "", "", "", ""
    interval = "exact" if claim["kind"] == "exact" else f"{number(claim['low'])} … {number(claim['high'])}"
    interval = "-" if claim["effect"] is None else interval
    return name, claim["verdict"], number(claim["effect"]), interval, claim["holds_when"], claim["unit"]


def _html_row(claim: Mapping[str, Any]) -> str:
    name, verdict, *others = map(html.escape, _cells(claim))
    title = html.escape(f"{claim['statement']} {claim['note']}".strip())
    style = f'style="color:{COLOURS[claim["verdict"]]}"'
    cells = "".join(f"<td>{cell}</td>" for cell in others)
    indent = "&emsp;" if name.startswith(" ") else ""
    return f'<tr title="{title}"><td>{indent}{name.strip()}</td><td><b {style}>{verdict}</b></td>{cells}</tr>'
