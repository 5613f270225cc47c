"""Commands that write a file or folder by the name in `--out`: whole or not at all, and nothing else is touched."""

import io
import os
import tarfile
from pathlib import Path
from typing import BinaryIO

import pytest

from host.records import transfer
from host.runs import report, without_docker
from lib.harness.errors import UserError
from tests.host.conftest import NO_ENGINE, Invoke

LIKE = ("{}.part", "{}.part.journal", "{}.new", "{}.tmp", ".{}.part", "{}~", ".{}.swp")
NOTHING: dict[str, str | None] = {
    **{"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": None, "PIP_CONFIG_FILE": os.devnull},
    "XDG_CACHE_HOME": "/proc/none",  # where not even root has a cache
}
"""Settings with which no package can be had, whatever the caller's are."""


def planted(folder: Path, name: str) -> dict[Path, str]:
    """Files and folders of the user's whose names programs like to take for their own."""
    files = {folder / pattern.format(name): f"{pattern}, precious" for pattern in LIKE}
    files |= {folder / f"{name}.d.part" / "inside": "precious"}
    for file, content in files.items():
        file.parent.mkdir(exist_ok=True)
        file.write_text(content)
    return files


def contents(folder: Path) -> dict[Path, str]:
    return {path: path.read_text() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("out", ["data", "data.d"])
@pytest.mark.parametrize("command", [("export", "last:dropout"), ("report",)], ids=lambda words: str(words[0]))
def test_what_has_a_like_name_stays_when_the_command_fails(
    invoke: Invoke, tmp_path: Path, command: tuple[str, ...], out: str
) -> None:
    """Without an engine, and with no way to get local mode's packages."""
    files = planted(tmp_path, "data")
    outcome = invoke(*command, "--out", out, cwd=tmp_path, env=NO_ENGINE | NOTHING)
    assert outcome.returncode == 2, outcome.stderr
    assert contents(tmp_path) == files
    assert {path.name for path in tmp_path.iterdir()} == {path.relative_to(tmp_path).parts[0] for path in files}


def export_of(*members: tuple[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, kind in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            member.size = 2 if kind == tarfile.REGTYPE else 0
            tar.addfile(member, io.BytesIO(b"{}"))
    return stream.getvalue()


def exports(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    def run(_arguments: list[str], output: BinaryIO) -> int:
        output.write(data)
        return 0

    monkeypatch.setattr(without_docker, "run", run)


def test_an_export_is_there_whole_and_everybody_may_read_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = planted(tmp_path, "data")
    exports(monkeypatch, export_of(("KEY/run.json", tarfile.REGTYPE), ("SHA256SUMS", tarfile.REGTYPE)))
    before = os.umask(0o077)
    try:
        transfer.export("last:x", tmp_path / "data", local=True)
    finally:
        os.umask(before)
    written = {tmp_path / "data" / name: "{}" for name in ("KEY/run.json", "SHA256SUMS")}
    assert contents(tmp_path) == files | written
    assert all(path.stat().st_mode & 0o044 == 0o044 for path in [tmp_path / "data", *(tmp_path / "data").rglob("*")])


@pytest.mark.parametrize(
    "member",
    [
        ("KEY/link", tarfile.SYMTYPE),
        ("KEY/link", tarfile.LNKTYPE),
        ("KEY", tarfile.DIRTYPE),
        ("KEY/device", tarfile.CHRTYPE),
        (".", tarfile.REGTYPE),
        ("../escaped", tarfile.REGTYPE),
        ("/escaped", tarfile.REGTYPE),
    ],
)
def test_an_export_with_a_strange_file_is_one_line_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, member: tuple[str, bytes]
) -> None:
    exports(monkeypatch, export_of(("KEY/run.json", tarfile.REGTYPE), member))
    with pytest.raises(UserError, match="The export has a strange file") as error:
        transfer.export("last:x", tmp_path / "data", local=True)
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_a_report_is_there_whole_with_the_callers_mode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = planted(tmp_path, "report.html")

    def run(_arguments: list[str], output: BinaryIO) -> int:
        output.write(b"<html>")
        return len(codes) and codes.pop()

    codes = [1, 0]
    monkeypatch.setattr(without_docker, "run", run)
    report.write(tmp_path / "report.html", [], local=True)
    assert contents(tmp_path) == files | {tmp_path / "report.html": "<html>"}
    assert (tmp_path / "report.html").stat().st_mode == (tmp_path / "report.html.part").stat().st_mode
    (tmp_path / "report.html").write_text("the old one")
    with pytest.raises(UserError, match="could not be made"):
        report.write(tmp_path / "report.html", [], local=True)
    assert contents(tmp_path) == files | {tmp_path / "report.html": "the old one"}


def test_a_report_in_a_folder_is_there_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files = planted(tmp_path, "page")
    members = [("index.html", tarfile.REGTYPE), ("pictures/a.png", tarfile.REGTYPE)]
    exports(monkeypatch, export_of(*members, ("../escaped", tarfile.REGTYPE)))
    with pytest.raises(UserError, match="The report has a strange file"):
        report.write_folder(tmp_path / "page", [], local=True)
    assert contents(tmp_path) == files
    exports(monkeypatch, export_of(*members))
    report.write_folder(tmp_path / "page", [], local=True)
    assert contents(tmp_path) == files | {tmp_path / "page" / name: "{}" for name, _ in members}
    assert capsys.readouterr().out == f"{tmp_path}/page/index.html, 1 pictures (0.0 MB)\n"
