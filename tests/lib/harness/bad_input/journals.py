"""A recorded run in the journal, damaged in many ways, and what each command says of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Damage = Callable[[Path], object]
Expected = tuple[Damage, tuple[str, ...], tuple[str, ...], int]
"""A damage, the arguments of a command, the parts of its one line, its exit code; KEY is the run's."""
DEEP = "[" * 100_000
LABS, REPORT, RESUME = ("labs",), ("report", "tiny"), ("tiny", "--resume", "KEY")
FORGET = ("./invoke forget KEY", "from a backup")


def without_end(folder: Path) -> None:
    """Take the end from a run, as a power cut does."""
    path = folder / "run.jsonl"
    kept = [line for line in path.read_bytes().splitlines(keepends=True) if b'"kind":"end"' not in line]
    path.write_bytes(b"".join(kept))


def line(number: int, content: bytes) -> Damage:
    """Replace a line of the run's journal, which has others behind it."""

    def damage(folder: Path) -> None:
        path = folder / "run.jsonl"
        lines = path.read_bytes().splitlines(keepends=True)
        lines[number] = content + b"\n"
        path.write_bytes(b"".join([*lines, b'{"kind":"tags","tags":{}}\n']))

    return damage


def header(**changes: Any) -> Damage:
    """Change fields of the first record, tags by their names without ``lab.``; None removes one."""

    def damage(folder: Path) -> None:
        path = folder / "run.jsonl"
        first, rest = path.read_text(encoding="utf-8").split("\n", 1)
        record = json.loads(first)
        for name, value in changes.items():
            group, field = (record, name) if name in record else (record["tags"], f"lab.{name}")
            group.pop(field, None)
            if value is not None:
                group[field] = value
        path.write_text(f"{json.dumps(record)}\n{rest}", encoding="utf-8")

    return damage


def file(name: str, content: str | bytes | None) -> Damage:
    """Replace a file of the run; None removes it."""

    def damage(folder: Path) -> None:
        path = folder / "run.files" / name
        path.unlink()
        if content is not None:
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    return damage


def _claims(**changes: Any) -> Damage:
    def damage(folder: Path) -> None:
        path = folder / "run.files" / "claims.json"
        first, *others = json.loads(path.read_bytes())
        path.write_text(json.dumps([{**first, **changes}, *others]), encoding="utf-8")

    return damage


def _no_folder(folder: Path) -> None:
    (folder / "run.files").rename(folder / "other.files")
    (folder / "run.files").write_bytes(b"")


def _a_folder(folder: Path) -> None:
    (folder / "run.jsonl").unlink()
    (folder / "run.jsonl").mkdir()


def _empty(folder: Path) -> None:
    (folder / "run.jsonl").write_bytes(b"")


def _torn(folder: Path) -> None:
    with (folder / "run.jsonl").open("ab") as journal:
        journal.write(b'{"kind":"tags","tags":{"a":"' + b"x" * 100_000)


def _shipped(content: str) -> Damage:
    return lambda folder: (folder / "run.shipped").write_text(content)


HEADERS: dict[str, Damage] = {
    "a line of the first record": line(0, b'{"kind":"run","key":'),
    "no experiment": header(experiment=None),
    "an experiment that is a number": header(experiment=3),
    "no tags": header(tags=None),
    "tags that are a list": header(tags=[]),
    "a tag that is a number": header(seed=0),
    "no params": header(params=None),
    "a param that is a number": header(params={"seeds": 2}),
    "no time": header(time=None),
    "a time as text": header(time="now"),
    "a time after all time": header(time=10**30),
    "a parent that is a number": header(parent=3),
    "the key of another run": header(key="20260101-000000-tiny-aaaaaa"),
    "another kind": header(kind="tags"),
    "a kind that there is not": header(kind="rum"),
    "tags of nothing but a seed": header(tags={"lab.seed": "0"}),
}
"""Damages of the first record, for every command that reads the run."""
LINES: dict[str, Damage] = {
    "a line of zeros": line(1, bytes(100)),
    "half a line": line(1, b'{"kind":"timing","step":0'),
    "a line that is no record": line(1, b"[]"),
    "a deep line": line(1, DEEP.encode()),
    "a long number": line(1, b'{"kind":"timing","step":' + b"9" * 5000 + b',"values":{},"time":0}'),
    "a late step": line(1, b'{"kind":"timing","step":1e300,"values":{},"time":0}'),
    "a value that is a list": line(1, b'{"kind":"timing","step":0,"values":{"a":[]},"time":0}'),
    "a log of nothing": line(1, b'{"kind":"log","record":{},"time":0}'),
    "a log of a text": line(1, b'{"kind":"log","record":"x","time":0}'),
    "tags that are numbers": line(1, b'{"kind":"tags","tags":{"a":1}}'),
    "an end without a status": line(1, b'{"kind":"end","tags":{},"time":0}'),
    "bytes": line(1, bytes(range(1, 256)).replace(b"\n", b"")),
    "a folder in its place": _a_folder,
}
VERDICTS: dict[str, Damage] = {
    "no verdicts": file("claims.json", None),
    "empty verdicts": file("claims.json", ""),
    "binary verdicts": file("claims.json", b"\xff\xfe"),
    "deep verdicts": file("claims.json", DEEP),
    "verdicts of a number": file("claims.json", "3"),
    "verdicts of numbers": file("claims.json", "[3]"),
    "a verdict without its claim": _claims(id=None),
    "a verdict that is a number": _claims(verdict=3),
    "an effect that is a text": _claims(effect="large"),
    "an interval that is a list": _claims(low=[]),
    "seeds as text": _claims(seeds="2"),
    "a file in the place of its folder": _no_folder,
}
CONFIGS: dict[str, tuple[Damage, tuple[str, ...]]] = {
    "an empty config": (file("config.json", ""), ("config.json cannot be read", *FORGET)),
    "a deep config": (file("config.json", DEEP), ("config.json cannot be read", *FORGET)),
    "a config that is a list": (file("config.json", "[]"), ("config.json cannot be read", *FORGET)),
    "a config out of its range": (file("config.json", '{"steps": 0}'), ("config.json is damaged (steps: ", *FORGET)),
    "a config of another lab": (file("config.json", '{"width": 3}'), ("config.json is damaged (width: ", *FORGET)),
    "no config": (file("config.json", None), ("before it had recorded its config", "run the lab anew")),
    "a seed that is none": (header(seed="x"), ("run.jsonl is damaged in its first record", *FORGET)),
    "a seed below zero": (header(seed="-1"), ("run.jsonl is damaged in its first record", *FORGET)),
    "a long seed": (header(seed="9" * 5000), ("run.jsonl is damaged in its first record", *FORGET)),
}
HARMLESS: dict[str, Damage] = {
    "nothing recorded": _empty,
    "a torn end": _torn,
    "params without a framework": header(params={"seeds": "2"}),
    "a note of what was sent: empty": _shipped(""),
    "a note of what was sent: a list": _shipped("[]"),
    "a note of what was sent: deep": _shipped(DEEP),
    "a note of what was sent: other kinds": _shipped('{"page": 3, "done": 3, "size": "x", "end_time": []}'),
}
ALL: dict[str, Expected] = {
    **{f"labs: {name}": (damage, LABS, FORGET, 0) for name, damage in (HEADERS | LINES | VERDICTS).items()},
    **{f"labs: {name}": (damage, LABS, (), 0) for name, damage in HARMLESS.items()},
    **{f"resume: {name}": (damage, RESUME, FORGET, 2) for name, damage in (HEADERS | LINES).items()},
    **{f"resume: {name}": (damage, RESUME, parts, 2) for name, (damage, parts) in CONFIGS.items()},
    "report: no code": (file("code.tar.gz", None), REPORT, ("code.tar.gz is missing", *FORGET), 0),
    "report: damaged code": (
        file("code.tar.gz", b"\x1f\x8b\x08"),
        REPORT,
        ("code.tar.gz is not what its tag", *FORGET),
        0,
    ),
    "report: damaged verdicts": (VERDICTS["verdicts of numbers"], REPORT, FORGET, 0),
    "report: a note of another kind": (HARMLESS["a note of what was sent: other kinds"], REPORT, (), 0),
}
