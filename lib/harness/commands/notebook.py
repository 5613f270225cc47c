"""Runs a lab from a cell of a notebook: in a process of its own, recorded as everywhere; the result is its verdicts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

from lib.harness.commands.own_code import FILE, module_of, modules_of
from lib.harness.contract.catalogue import OUTSIDE, PACKAGES, SNAPSHOT, find_lab
from lib.harness.contract.lab import Lab
from lib.harness.contract.loading import place
from lib.harness.contract.source import LabEntry
from lib.harness.contract.texts import LANGUAGES, Language, Texts
from lib.harness.errors import UserError, short
from lib.harness.recording.journal import journal_root
from lib.harness.recording.provenance import ROOT, read_code
from lib.harness.recording.provenance import files_of as files_of_modules
from lib.harness.recording.reading import files_of
from lib.harness.recording.recorder import plain
from lib.harness.showing.in_cell import KOREAN_REST, Outcome, Progress, korean
from lib.harness.showing.progress import PIPE

OF_THE_KERNEL = ("MPLBACKEND", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE")
"""Variables that Jupyter sets for what a kernel itself prints and draws."""
PATHS = "LAB_PATHS"  # folders of labs, for this process and those that it starts
OF_THE_START = ("LAB_GIT_COMMIT", "LAB_GIT_DIRTY")
"""What was known of the code when JupyterLab was started; it may be another by now, so a run says ``unknown``."""


class LabError(UserError):
    """A lab that could not be run; a notebook shows its line alone."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


def run(
    lab: str | Path | Lab | ModuleType,
    quick: bool = True,
    seeds: int | None = None,
    seed: int = 0,
    framework: str | None = None,
    *,
    with_: Mapping[str, Any] | None = None,
    language: Language = "en",
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
        with_: classes and functions of the notebook that take the place of what the lab names in `Lab.replaceable`, by
            those names. Their source is in the record; such a run does not speak for the lab in `labs`, `claims` and
            `report`.
        language: of the progress, the verdicts and the errors: ``en`` or ``ko``.
        changes: of fields of the lab's config.

    Raises:
        UserError: no such lab, bad settings, or what the lab ended with, in one line.
    """
    if language not in LANGUAGES:
        raise LabError(f'run(language): it is "en" or "ko", not \'{short(language)}\'')
    options = ["--seed", str(seed)] + ["--quick"] * quick
    options += ["--seeds", str(seeds)] * (seeds is not None)
    options += ["--framework", str(framework)] * (framework is not None)
    for name, value in changes.items():
        options += ["--set", f"{name}={json.dumps(plain(value))}"]
    try:
        entry = find_lab(ROOT, _word(lab))
        journal = journal_root()
        with TemporaryDirectory(prefix="lab-") as folder:
            own = module_of(with_) if with_ is not None else b""
            files = _code_of(entry, modules_of(own))
            _copy({**files, FILE: own} if own else files, Path(folder, "code"))
            facts = _follow(Progress(entry.name, language=language), options, Path(folder))
        texts = Texts.beside(str(entry.file)) if language != "en" else Texts()
    except UserError as error:
        raise LabError(korean(str(error), KOREAN_REST) if language == "ko" else str(error)) from None
    claims = json.loads((files_of(journal / facts["run"] / "run.jsonl") / "claims.json").read_bytes())
    return Outcome(
        facts["run"],
        facts.get("url", ""),
        claims,
        tuple(facts["warnings"]),
        language,
        texts,
        replaced=tuple(with_ or ()),
    )


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


def _code_of(entry: LabEntry, others: Iterable[str] = ()) -> dict[str, bytes]:
    """The files of a run of a lab, as its record will have them, and of other modules, by their paths in a clone.

    They are found as the lab's own process finds them, from where the kernel's folder says nothing.
    """
    paths, variable = list(sys.path), os.environ.get(PATHS)
    sys.path[:] = [path for path in paths if Path(path).resolve() != entry.root.resolve()]
    try:
        place(entry)
        files = read_code(entry.module).files | files_of_modules(others)
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


def _follow(progress: Progress, options: Iterable[str], folder: Path) -> dict[str, Any]:
    """Run the lab from the copy in ``folder / "code"`` and show its progress. Returns the last of each that it told.

    Raises:
        UserError: it could not be run; the message is the program's.
        KeyboardInterrupt: the kernel was interrupted. The lab has ended then.
    """
    reader, writer = os.pipe()
    with (folder / "out").open("w+b") as out, (folder / "err").open("w+b") as err, os.fdopen(reader) as events:
        process = subprocess.Popen(
            [sys.executable, "-m", "lib", progress.name, *options],
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
            facts = _shown(progress, events)
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


def _shown(progress: Progress, events: Iterable[str]) -> dict[str, Any]:
    """Show the progress that a lab tells, until it has ended. Returns the last of each fact, and all warnings."""
    from IPython.core.getipython import get_ipython
    from IPython.display import display

    in_cell = get_ipython() is not None
    handle = display(progress, display_id=True) if in_cell else None
    facts: dict[str, Any] = {"warnings": []}
    for event in map(json.loads, events):
        if "warning" in event:
            facts["warnings"].append(event["warning"])
        elif "asked" in event:
            progress = replace(progress, **event)
            if handle is not None:
                handle.update(progress)
        else:
            facts |= event
    return facts


def _text(file: Any) -> str:
    """Return the output that a program has written to its own file."""
    file.seek(0)
    return str(file.read().decode(errors="replace").strip())
