"""`reproduce --ops` and `diff FILE FILE` on the host: the words of its containers, and what becomes of their output."""

import base64
import json
from argparse import Namespace
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from host.engine import images
from host.machine import instance
from host.records import operations, reproduce
from host.records.recorded_image import Choice
from host.records.reproduce import RECORDER
from lib.harness.errors import UserError
from lib.harness.recording import provenance
from lib.harness.recording.operations import Operations
from tests.host.conftest import NO_ENGINE, Invoke

KEY = "20260101-000000-mlp-abcdef"
TRIAL = "adam, seed 3"
WANTED = {"run": KEY, "variant": "adam", "seed": 3, "step": "140", "first": 140, "last": 141}
PLACE = {"wanted": WANTED, "trial": TRIAL, "config": {"epochs": 2}, "logged": "as recorded"}
CODE = {"lib/__init__.py": b"", RECORDER: b""}


def options(**given: Any) -> Namespace:
    return Namespace(**{"run": KEY, "ops": True, "trial": None, "step": None, "out": None, **given})


def written(stream: Any, value: int = 0, logged: str = "as recorded", **about: str) -> None:
    """Write a file with one operation."""
    made = Operations(stream, KEY, {"trial": TRIAL, "step": "140", **about})
    made.add("aten.mm.default", [{"name": "self", "value": 1}], [{"value": value}], "Network.last")
    made.end(logged=logged, error="")


class Containers:
    """The place of the containers: they answer as those of a run that differs, or not."""

    def __init__(self) -> None:
        self.told: list[list[str]] = []
        self.options: list[dict[str, Any]] = []
        self.codes = {"compare": 1}
        self.logged, self.torn = "as recorded", False

    def __call__(self, words: list[str], output: BinaryIO | None = None, **more: Any) -> int:
        self.told.append(words)
        self.options.append(more)
        if words[0] == "locate":
            assert output
            output.write(json.dumps(PLACE).encode())
        elif words[0] == "operations":
            assert output
            written(output, logged=self.logged)
            if self.torn:
                output.truncate(100)
        return self.codes.get(words[0], 0)


@pytest.fixture
def containers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Containers:
    """Containers for a record whose code can record operations."""
    made = Containers()
    use(monkeypatch, made, CODE)
    (tmp_path / "caller").mkdir()
    monkeypatch.setattr(instance, "STATE", tmp_path)
    monkeypatch.setenv("LAB_CALLER_DIR", str(tmp_path / "caller"))
    return made


def use(monkeypatch: pytest.MonkeyPatch, containers: Containers, files: dict[str, bytes]) -> None:
    archive = base64.b64encode(provenance.archive(files)).decode()
    tags = {"lab.name": "mlp", "lab.seed": "5", "lab.code_sha256": "c" * 64, "lab.kernels": "k", "lab.portable": "true"}
    record = {"key": KEY, "tags": tags, "config": {"epochs": 9}, "archives": {"code": archive}}
    for module in (reproduce, operations):
        monkeypatch.setattr(module, "in_container", containers)
    monkeypatch.setattr(reproduce, "_record", lambda _: record)
    monkeypatch.setattr(reproduce, "choose", lambda *_: Choice(images.Built("sha256:i", "kind", 0, {})))


def requested(**given: Any) -> operations.Request:
    request = operations.requested(options(**given))
    assert request is not None
    return request


@pytest.mark.usefixtures("without_rooms")
def test_the_step_that_differs_first_is_recorded(
    containers: Containers, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert operations.reproduce(KEY, requested()) == 1
    assert [words[0] for words in containers.told] == ["mlp", "compare", "locate", "operations"]
    assert containers.told[2] == ["locate", KEY]
    lab, wanted, *rest = containers.told[3][1:]
    assert (lab, json.loads(wanted)) == ("mlp", WANTED)
    assert rest == ["--seed", "5", "--set", "epochs=2", "--portable"]
    assert containers.options[3]["more"] == {"LAB_RECORDED_KERNELS": "k"}, "it is no reproduction"
    assert containers.options[3]["tracked"] is False
    first, second, third = capsys.readouterr().out.splitlines()
    assert first == (
        f"{tmp_path}/caller/operations.jsonl: 1 operations of step 140 of trial {TRIAL}; up to there it logged "
        "the recorded values"
    )
    assert second == f"On another machine: ./invoke reproduce {KEY} --ops --trial '{TRIAL}' --step 140"
    assert third == "Then: ./invoke diff FILE FILE"


@pytest.mark.usefixtures("without_rooms")
def test_a_step_that_is_named_is_recorded_without_a_comparison(
    containers: Containers, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    containers.logged = "another digest"
    assert operations.reproduce(KEY, requested(trial=TRIAL, step="140", out="a.jsonl")) == 0
    assert [words[0] for words in containers.told] == ["locate", "operations"]
    assert containers.told[0] == ["locate", KEY, "--trial", TRIAL, "--step", "140"]
    assert "it logged other values than the recorded values" in capsys.readouterr().out
    assert (tmp_path / "caller" / "a.jsonl").is_file()


def test_a_code_that_is_older_is_refused_before_anything_runs(
    containers: Containers, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, containers, {"lib/__init__.py": b""})
    with pytest.raises(UserError, match="older than --ops"):
        operations.reproduce(KEY, requested())
    assert containers.told == []


@pytest.mark.usefixtures("without_rooms")
@pytest.mark.parametrize("how", ["failed", "torn"])
def test_what_is_not_whole_leaves_no_file(how: str, containers: Containers, tmp_path: Path) -> None:
    containers.codes["operations"] = 2 if how == "failed" else 0
    containers.torn = how == "torn"
    with pytest.raises(UserError, match=r"could not be recorded|not whole"):
        operations.reproduce(KEY, requested())
    assert list((tmp_path / "caller").iterdir()) == []


def test_without_ops_nothing_of_it_is_asked_for() -> None:
    assert operations.requested(options(ops=False)) is None


def test_two_files_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [tmp_path / name for name in ("a.jsonl", "b.jsonl", "c.jsonl")]
    for value, path in zip((1, 1, 2), paths, strict=True):
        with path.open("wb") as stream:
            written(stream, value, processor=f"P{value}", logged=f"{value}")
    found = operations.files(str(paths[0]), str(paths[1]))
    assert found == (paths[0], paths[1])
    assert operations.diff(*found, as_json=False) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{KEY}, step 140 of trial {TRIAL}",
        "  logged values: the same up to the end of the step",
        "identical (1 operations)",
    ]
    assert operations.diff(paths[0], paths[2], as_json=False) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"{KEY}, step 140 of trial {TRIAL}",
        "  processor: P1 -> P2",
        "differs first in operation 0, aten.mm.default in Network.last: the same inputs, another output: it computed "
        "differently",
    ]
    assert operations.diff(paths[0], paths[2], as_json=True) == 1
    outcome = json.loads(capsys.readouterr().out)
    assert (outcome["files"], outcome["identical"]) == ([str(paths[0]), str(paths[2])], False)
    assert outcome["lines"][-1].startswith("differs first in operation 0, aten.mm.default")


def test_files_are_compared_without_an_engine_or_an_instance(invoke: Invoke, tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a.jsonl", "b.jsonl")]
    for value, path in enumerate(paths):
        with path.open("wb") as stream:
            written(stream, value)
    for left, right, code in ((0, 0, 0), (0, 1, 1)):
        ended = invoke("diff", str(paths[left]), str(paths[right]), env=NO_ENGINE)
        assert (ended.returncode, ended.stderr) == (code, "")
        assert ended.stdout.splitlines()[-1].startswith("differs first in operation 0" if code else "identical (")


def test_runs_are_no_files(tmp_path: Path) -> None:
    assert operations.files(KEY, "last:mlp") is None
    with pytest.raises(UserError, match="no such file"):
        operations.files(f"{tmp_path}/a.jsonl", KEY)
