"""Exports of runs, damaged: with sums that fit, as somebody writes who means it, or without."""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

ARCHIVE = Path(__file__).parents[1] / "records" / "version_1.tar.xz"
PARENT = "20261129-175852-halves-b2e58a"
TRIAL = f"{PARENT}.trial-0002"
Damage = Callable[[Path], object]


def unpack(folder: Path) -> Path:
    """The export of a run with four trials, in a new folder."""
    with tarfile.open(ARCHIVE) as tar:
        tar.extractall(folder)
    return folder


def sum_up(folder: Path) -> None:
    """Write the SHA256SUMS that fits the files of an export."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "SHA256SUMS")
    lines = (
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(folder).as_posix()}\n" for file in files
    )
    (folder / "SHA256SUMS").write_text("".join(lines), encoding="utf-8", errors="surrogateescape")


def write(name: str, content: str | bytes) -> Damage:
    """Replace a file, or add one."""
    data = content.encode() if isinstance(content, str) else content
    return lambda folder: (folder / name).write_bytes(data)


def remove(name: str) -> Damage:
    """Remove a file."""
    return lambda folder: (folder / name).unlink()


def described(changes: dict[str, Any], key: str = TRIAL) -> Damage:
    """Change the fields of a run's run.json; None of a tag removes it."""

    def damage(folder: Path) -> None:
        file = folder / key / "run.json"
        run = json.loads(file.read_bytes())
        for name, value in changes.items():
            if name.startswith(("tags.", "params.")):
                group, _, field = name.partition(".")
                run[group].pop(field, None)
                if value is not None:
                    run[group][field] = value
            elif value is None:
                del run[name]
            else:
                run[name] = value
        file.write_text(json.dumps(run), encoding="utf-8")

    return damage


def point(line: str, key: str = TRIAL) -> Damage:
    """Add a line to a run's metrics.jsonl."""

    def damage(folder: Path) -> None:
        with (folder / key / "metrics.jsonl").open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")

    return damage


def linked(name: str, target: str) -> Damage:
    """Replace a file, or a folder that then lies beside it, by a link."""

    def damage(folder: Path) -> None:
        (folder / name).rename(folder / f"{name}.moved")
        (folder / name).symlink_to(target)
        if (folder / f"{name}.moved").is_file():
            (folder / f"{name}.moved").unlink()

    return damage


def hard_linked(name: str, other: str) -> Damage:
    """Replace a file by another name of another one of the export."""

    def damage(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).hardlink_to(folder / other)

    return damage


def _pipe(name: str) -> Damage:
    """Replace a file by a pipe, which nobody writes to."""

    def damage(folder: Path) -> None:
        (folder / name).unlink()
        os.mkfifo(folder / name)

    return damage


def _without_runs(folder: Path) -> None:
    for path in folder.glob("*/run.json"):
        path.rename(path.with_name("other.json"))


def _in_a_folder(name: str) -> Damage:
    """Put a folder in the place of a file."""

    def damage(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name / "inside").mkdir(parents=True)

    return damage


DEEP = "[" * 100_000
LINK = (f"{TRIAL}/metrics.jsonl is a symbolic link", "plain files alone", "export the runs again")
SUMS: dict[str, tuple[Damage, tuple[str, ...]]] = {
    "no sums": (remove("SHA256SUMS"), ("no SHA256SUMS", "./invoke export")),
    "empty sums": (write("SHA256SUMS", ""), ("is not in SHA256SUMS", "export the runs again")),
    "binary sums": (write("SHA256SUMS", bytes(range(256)) * 9), ("SHA256SUMS is damaged", "export the runs again")),
    "a folder of sums": (_in_a_folder("SHA256SUMS"), ("SHA256SUMS cannot be read",)),
    "a file elsewhere": (
        write("SHA256SUMS", f"{'0' * 64}  /etc/passwd\n"),
        ("/etc/passwd is missing", "export the runs again"),
    ),
    "a file above": (write("SHA256SUMS", f"{'0' * 64}  ../x\n"), ("../x is missing",)),
    "a changed byte": (
        write(f"{TRIAL}/artifacts/config.json", "{}"),
        ("config.json is damaged", "export the runs again"),
    ),
    "an empty file": (write(f"{PARENT}/run.json", ""), ("run.json is damaged",)),
    "a lost file": (remove(f"{TRIAL}/metrics.jsonl"), ("metrics.jsonl is missing",)),
    "another file": (write(f"{TRIAL}/more.txt", "x"), ("more.txt is not in SHA256SUMS", "remove it")),
    "a link to nothing": (linked(f"{TRIAL}/metrics.jsonl", "nowhere"), ("metrics.jsonl is a symbolic link",)),
    "a link in a circle": (linked(f"{TRIAL}/metrics.jsonl", "metrics.jsonl"), ("metrics.jsonl is a symbolic link",)),
    "sums that are a pipe": (_pipe("SHA256SUMS"), ("SHA256SUMS is a pipe",)),
    "sums that are a link": (linked("SHA256SUMS", "/dev/zero"), ("SHA256SUMS is a symbolic link",)),
    "a folder in its place": (_in_a_folder(f"{TRIAL}/run.json"), ("run.json is missing",)),
}
"""Damages whose sums do not fit."""
CONTENT: dict[str, tuple[Damage, tuple[str, ...]]] = {
    "a link": (linked(f"{TRIAL}/metrics.jsonl", f"../{PARENT}/metrics.jsonl"), LINK),
    "a link elsewhere": (linked(f"{TRIAL}/metrics.jsonl", "/etc/passwd"), LINK),
    "a folder that is a link": (linked(f"{TRIAL}/artifacts", "artifacts.moved"), ("artifacts is a symbolic link",)),
    "a hard link": (
        hard_linked(f"{TRIAL}/metrics.jsonl", f"{PARENT}/metrics.jsonl"),
        ("metrics.jsonl is a hard link", "cp -r"),
    ),
    "a pipe": (_pipe(f"{TRIAL}/metrics.jsonl"), ("metrics.jsonl is a pipe", "plain files alone")),
    "no run at all": (_without_runs, ("no run", "export the runs again")),
    "run.json: no JSON": (write(f"{TRIAL}/run.json", "{"), (f"{TRIAL}/run.json", "no JSON")),
    "run.json: deep": (write(f"{TRIAL}/run.json", DEEP), (f"{TRIAL}/run.json", "no JSON")),
    "run.json: long number": (write(f"{TRIAL}/run.json", "9" * 5000), (f"{TRIAL}/run.json",)),
    "run.json: no UTF-8": (write(f"{TRIAL}/run.json", b'{"key": "\xff"}'), (f"{TRIAL}/run.json", "no JSON")),
    "run.json: a list": (write(f"{TRIAL}/run.json", "[]"), (f"{TRIAL}/run.json", "dictionary")),
    "run.json: empty": (write(f"{TRIAL}/run.json", "{}"), (f"{TRIAL}/run.json", "format: Field required")),
    "another field": (described({"more": 1}), (f"{TRIAL}/run.json", "more: Extra inputs")),
    "no format": (described({"format": None}), ("format: Field required",)),
    "format as text": (described({"format": "1"}), ("format: Input should be a valid integer",)),
    "a later format": (described({"format": 9}), ("format 9", "git pull")),
    "a format that it is not": (described({"format": 2}), ("lab.trace_version", "export it again")),
    "a later trace version": (described({"tags.lab.trace_version": "9"}), ("lab.trace_version is '9'", "git pull")),
    "another key": (described({"key": "x"}), ("its key is not its lab.run",)),
    "another lab.run": (described({"tags.lab.run": "x"}), ("its key is not its lab.run",)),
    "no lab.run": (described({"tags.lab.run": None}), ("its key is not its lab.run",)),
    "a lost parent": (described({"parent": "nobody"}), ("its parent nobody is missing",)),
    "a trial as parent": (described({"parent": f"{PARENT}.trial-0001"}), ("is missing",)),
    "its own parent": (described({"parent": TRIAL}), ("is missing",)),
    "another status": (described({"status": "DONE"}), ("status: Input should be 'RUNNING'",)),
    "a time before time": (described({"start_time": -1}), ("start_time: Input should be greater",)),
    "a time after all time": (described({"end_time": 10**30}), ("end_time: ",)),
    "a time as text": (described({"start_time": "now"}), ("start_time: Input should be a valid integer",)),
    "an experiment that is no lab": (described({"experiment": "../../x"}), ("experiment: ",)),
    "an experiment without a name": (described({"experiment": ""}), ("experiment: ",)),
    "a long experiment": (described({"experiment": "x" * 1000}), ("experiment: ",)),
    "a tag that is a number": (described({"tags.lab.user": 3}), ("tags.lab.user: Input should be a valid string",)),
    "a long tag": (described({"tags.lab.user": "x" * 9000}), ("tags.lab.user: ",)),
    "a tag of a wrong name": (described({"tags.a\nb": "x"}), ("tags", "MLflow takes no name")),
    "a tag above": (described({"tags.../x": "x"}), ("tags", "MLflow takes no name")),
    "a param of a wrong name": (described({"params.a@b": "x"}), ("params", "MLflow takes no name")),
    "a long param": (described({"params.factor": "x" * 9000}), ("params.factor: ",)),
    "no lab's name": (described({"tags.lab.name": None}, PARENT), ("its tags lack lab.name",)),
    "no seed of the run": (described({"tags.lab.seed": None}, PARENT), ("its tags lack lab.seed",)),
    "no code": (described({"tags.lab.code_sha256": None}, PARENT), ("its tags lack lab.code_sha256",)),
    "no variant": (described({"tags.lab.variant": None}), ("its tags lack lab.variant",)),
    "no seed": (described({"tags.lab.seed": None}), ("its tags lack lab.seed",)),
    "a seed that is none": (described({"tags.lab.seed": "x"}), (f"{TRIAL} has no lab.variant, or no number",)),
    "another digest": (
        described({"tags.lab.result_digest": "0" * 64}),
        (TRIAL, "not what its tag lab.result_digest says"),
    ),
    "another digest of the run": (
        described({"tags.lab.result_digest": "0" * 64}, PARENT),
        (PARENT, "not what its tag lab.result_digest says"),
    ),
    "no trace": (remove(f"{TRIAL}/artifacts/trace.jsonl"), (f"{TRIAL} has no trace.jsonl", "not whole")),
    "an empty trace": (write(f"{TRIAL}/artifacts/trace.jsonl", ""), (TRIAL, "lab.result_digest")),
    "a binary trace": (write(f"{TRIAL}/artifacts/trace.jsonl", bytes(range(256))), (TRIAL, "lab.result_digest")),
    "a deep trace": (write(f"{TRIAL}/artifacts/trace.jsonl", DEEP), (TRIAL, "lab.result_digest")),
    "no points": (remove(f"{TRIAL}/metrics.jsonl"), (f"{TRIAL} has no metrics.jsonl", "not whole")),
    "a point: no JSON": (point("{"), (f"{TRIAL}/metrics.jsonl: line ", "no point")),
    "a point: three parts": (point('["loss", 0, 1]'), ("no point",)),
    "a point: a text": (point('["loss", 0, 1, "much"]'), ("no point",)),
    "a point: deep": (point(DEEP), ("no point",)),
    "a point: long": (point(f'["loss", {"9" * 5000}, 1, 1.0]'), ("no point",)),
    "a point: a late step": (point('["loss", 1e300, 1, 1.0]'), ("no point",)),
    "a point: before time": (point('["loss", 0, -1, 1.0]'), ("no point",)),
    "a point: a wrong name": (point('["lo@ss", 0, 1, 1.0]'), ("no point",)),
    "a point: a long name": (point(f'["{"x" * 300}", 0, 1, 1.0]'), ("no point",)),
    "a point: binary": (write(f"{TRIAL}/metrics.jsonl", b"\xff\xfe\n"), ("line 1 is no point",)),
}
"""Damages whose sums fit: what somebody has written who means it."""
