"""Reads from the source of a lab, without running it, what it says of itself in ``LAB = Lab(name="…", …)``.

The host reads labs too, so this needs nothing but the standard library of Python 3.10.
"""

from __future__ import annotations

import ast
import re
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lib.harness.errors import UserError

COMMANDS = (
    "sweep", "labs", "claims", "report", "report-folder", "published", "record", "compare", "diff", "export", "import",
    "sync", "forget",
)  # fmt: skip
"""The commands of ``python -m lib``, which are no names of labs."""
NAME = re.compile(r"[a-z][a-z0-9-]*")
PYTHONS = {*sys.stdlib_module_names, "lib", "fearless_labs"}
"""Modules that are found before any lab's, so no lab's file has the name of one."""
FRAMEWORKS = ("numpy", "torch", "keras")
TEXTS = "texts.toml"
"""The file with a lab's texts, beside its module."""
CHAPTER = 100  # of a lab that does not say its place: after those of the lecture
OLD_CONTRACT_PAGE = "docs/adding-a-lab.md#from-the-old-contract"
OLD_CONTRACT_MODULES = {
    "lib.harness.contract",
    "lib.harness.claims",
    "lib.harness.studies",
    "lib.harness.figures",
    "lib.harness.seeds",
}
"""Modules that had the names of the old contract. The first is a package now, without names of its own."""
CONTRACT_MODULES = {
    "claim",
    "config",
    "drawing",
    "lab",
    "results",
    "search",
    "seeds",
    "series",
    "studies",
    "texts",
    "trial",
}
"""Modules of the contract's package."""
MINUTES = 1.0

_LAB = re.compile(rb"^LAB\s*[:=]", re.MULTILINE)
_SEEN_AS_OURS = re.compile(rb"^LAB\s*(:[^=\n]*)?=\s*Lab\(", re.MULTILINE)


@dataclass(frozen=True)
class LabEntry:
    """A lab, as its source describes it.

    Attributes:
        module: the name by which it is imported once `root` is on Python's path.
        minutes: duration of the full lab on two cores, as measured.
        root: the folder in which Python looks for the module.
        file: the module's source.
        word: what names the lab after ``./invoke lab``: its name, or a path.
        shown: the file's name in messages.
    """

    name: str
    module: str
    summary: str
    chapter: int
    frameworks: tuple[str, ...]
    minutes: float
    root: Path
    file: Path
    word: str
    shown: str

    @property
    def of_lecture(self) -> bool:
        """Return whether it is one of the lecture's labs, and not the user's own or a package's."""
        return self.module.startswith("lib.")


@dataclass(frozen=True)
class Source:
    """A file that may be a lab. `must`: it is one, or something is wrong. `shown`: the file's name in messages."""

    file: Path
    module: str
    root: Path
    must: bool
    shown: str
    word: str | None = None


def read(source: Source, name: str = "") -> LabEntry | None:
    """The lab in a file; None where there is none and none has to be.

    `name`: if given, a file that does not have it between quotes is not parsed, and None.

    Raises:
        UserError: it cannot be read, or what it says of itself is wrong. The message begins with the file.
    """
    lecture = source.module.startswith("lib.")
    try:
        text = source.file.read_bytes()
        if lecture and not _SEEN_AS_OURS.search(text):
            return None
        if name and not any(quote + name.encode() + quote in text for quote in (b'"', b"'")):
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except OSError as error:
        raise UserError(f"{source.shown}: it cannot be read ({error.strerror or error})") from None
    except SyntaxError as error:
        place = f", line {error.lineno}" if error.lineno else ""
        raise UserError(f"{source.shown}{place}: {error.msg}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise UserError(f"{source.shown}: it is no Python source ({error})") from None
    call = _lab_call(tree)
    if call is None:
        if source.must or _LAB.search(text):
            raise UserError(
                f'{source.shown}: there is no lab in it; one begins at the margin with LAB = Lab(name="…", …)'
            )
        return None
    fields = _fields(call, source.shown)
    if not lecture:
        _require_free_stem(source)
        refuse_old_contract(tree, source.shown)
    if fields["name"] in COMMANDS:
        raise UserError(
            f"{source.shown}: the name '{fields['name']}' is a command of ./invoke: give the lab another name"
        )
    return LabEntry(
        name=fields["name"],
        module=source.module,
        summary=fields["summary"],
        chapter=fields.get("chapter", CHAPTER),
        frameworks=tuple(fields.get("frameworks", ("torch",))),
        minutes=float(fields.get("minutes", MINUTES)),
        root=source.root,
        file=source.file,
        word=source.word or fields["name"],
        shown=source.shown,
    )


def _require_free_stem(source: Source) -> None:
    """Raises `UserError` where Python would import something else by the name of the lab's file or folder."""
    top = source.module.partition(".")[0]
    if "." in source.file.stem or not all(source.module.split(".")):
        raise UserError(f"{source.shown}: Python cannot import a file or folder with a '.' in its name: rename it")
    if top in PYTHONS:
        raise UserError(f"{source.shown}: Python has a module '{top}' already: rename the file or folder")


def _lab_call(tree: ast.Module) -> ast.Call | None:
    """The call in the top-level ``LAB = Lab(…)`` or ``LAB: Lab = Lab(…)``."""
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id="LAB")], value=ast.Call() as call):
                return call
            case ast.AnnAssign(target=ast.Name(id="LAB"), value=ast.Call() as call):
                return call
    return None


def _fields(call: ast.Call, shown: str) -> dict[str, Any]:
    """Return the fields that a lab sets by literals. Raises `UserError` for one that is missing or wrong."""
    given = dict(zip(("name", "summary"), call.args, strict=False)) | {k.arg: k.value for k in call.keywords if k.arg}
    fields: dict[str, Any] = {}
    for name, (kinds, meant) in _KINDS.items():
        if name not in given:
            continue
        try:
            value = ast.literal_eval(given[name])
        except ValueError:
            value = None
        if not isinstance(value, kinds) or isinstance(value, bool):
            raise UserError(
                f"{shown}, line {given[name].lineno}: {name} is to be {meant}, written out: it is read unrun"
            )
        fields[name] = value
    for name in ("name", "summary"):
        if name not in fields:
            raise UserError(f'{shown}, line {call.lineno}: the lab has no {name}: add {name}="…"')
    if not NAME.fullmatch(fields["name"]):
        raise UserError(
            f"{shown}: the name {fields['name']!r} is to begin with a letter; small letters, digits and '-'"
        )
    if not fields.get("frameworks", FRAMEWORKS):
        raise UserError(f"{shown}: frameworks are {', '.join(FRAMEWORKS)}; name one at least")
    if unknown := [each for each in fields.get("frameworks", ()) if each not in FRAMEWORKS]:
        raise UserError(f"{shown}: frameworks are {', '.join(FRAMEWORKS)}, not {unknown[0]!r}")
    return fields


_KINDS: dict[str, tuple[Any, str]] = {
    "name": (str, "a text"),
    "summary": (str, "a text"),
    "chapter": (int, "a whole number"),
    "minutes": ((int, float), "a number"),
    "frameworks": ((tuple, list), "a tuple of names"),
}


def refuse_old_contract(tree: ast.Module, file: str) -> None:
    """Raise `UserError` when the module in `file` uses the old contract; the message says where help is."""
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=module, names=names) if module in OLD_CONTRACT_MODULES:
                imported = {alias.name for alias in names}
                if module != "lib.harness.contract" or imported - CONTRACT_MODULES:
                    break
            case ast.Call(func=ast.Name(id="Lab"), keywords=keywords) if any(k.arg == "trial" for k in keywords):
                break
    else:
        return
    raise UserError(f"{file}: it is written for the old contract. How to change it: {OLD_CONTRACT_PAGE}")
