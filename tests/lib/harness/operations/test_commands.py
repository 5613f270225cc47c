"""`locate` and `operations`, the container's parts of `invoke reproduce RUN --ops`, on real runs in a real MLflow."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from lib.harness.commands.operations import locate
from lib.harness.commands.operations.record import Wanted
from lib.harness.comparing import operations as files
from lib.harness.comparing.records import Child
from lib.harness.errors import UserError
from lib.harness.recording.operations import HEADER
from lib.harness.recording.trace import canonical, digest_of, parameters_record, step_record
from tests.lib.harness.memory import SAME, record, trace
from tests.lib.harness.support import Clone, Ended, Server, said

FAST = "fast, seed 0"


@pytest.fixture
def tracked(clone: Clone, server: Server) -> Clone:
    clone.tracking = server.url
    return clone


def located(clone: Clone, run: str, *words: str) -> dict[str, Any]:
    """The place that `locate` finds."""
    ended = clone.run("locate", run, *words)
    assert (ended.code, ended.err) == (0, "")
    place: dict[str, Any] = json.loads(ended.out)
    return place


def recorded(clone: Clone, place: dict[str, Any], *words: str, **settings: Any) -> Ended:
    """Record the operations of a place, as the host does."""
    return clone.run("operations", "tiny", json.dumps(place["wanted"]), *words, *said({**place["config"], **settings}))


def read(ended: Ended, path: Path) -> files.Recording:
    assert ended.code == 0, ended
    path.write_text(ended.out, encoding="utf-8")
    return files.read(path)


def test_a_step_is_recorded_as_the_run_computed_it_and_a_change_is_named(tracked: Clone, tmp_path: Path) -> None:
    assert tracked.tiny("--quick", "--seed", "5", runtimes=["numpy"]).code == 0
    run = tracked.newest().name
    before = len(tracked.runs())
    place = located(tracked, run, "--trial", FAST, "--step", "3")
    one = read(recorded(tracked, place, "--seed", "5"), tmp_path / "a.jsonl")
    other = read(recorded(tracked, place, "--seed", "5"), tmp_path / "b.jsonl")
    assert files.first_difference(one, other) is None
    assert one.end["logged"] == place["logged"], "the values of the run itself"
    assert (one.step, one.header[HEADER]) == (f"step 3 of trial {FAST}", run)
    assert [json.loads(line)["name"] for line in one.lines()] == ["_step", "log"]
    changed = read(recorded(tracked, place, "--seed", "5", learning_rate=0.2), tmp_path / "c.jsonl")
    found = files.first_difference(one, changed)
    assert found is not None
    assert (found.names, found.inputs) == (("_step", "_step"), ("gradient", "rate", "w"))
    assert len(tracked.runs()) == before, "it is no run"
    assert changed.end["logged"] != place["logged"]


@pytest.mark.parametrize(
    ("framework", "operation", "version"),
    [("torch", "aten.addmm.default", "torch"), ("keras", "MatMul", "tensorflow")],
)
def test_a_framework_is_watched_and_the_run_is_repeated_bit_for_bit(
    framework: str, operation: str, version: str, tracked: Clone, tmp_path: Path
) -> None:
    assert tracked.tiny(seeds=1, runtimes=[framework]).code == 0
    place = located(tracked, tracked.newest().name, "--step", "0")
    assert place["wanted"]["first"] == 0
    one, other = (read(recorded(tracked, place), tmp_path / f"{number}.jsonl") for number in range(2))
    assert files.first_difference(one, other) is None
    assert operation in [json.loads(line)["name"] for line in one.lines()]
    assert version in one.header
    place = located(tracked, tracked.newest().name, "--step", "end")
    assert read(recorded(tracked, place), tmp_path / "end.jsonl").end["logged"] == place["logged"]


def test_without_a_name_it_is_where_a_reproduction_differs(tracked: Clone) -> None:
    assert tracked.tiny("--quick", seeds=1).code == 0
    original = tracked.newest().name
    tracked.variables["LAB_REPRODUCES"] = original
    assert tracked.tiny("--quick", seeds=1).code == 0
    assert located(tracked, original)["wanted"]["step"] == "0:1", "nothing differs, so the first step of all"
    assert tracked.tiny("--quick", seeds=1, learning_rate=0.2).code == 0
    place = located(tracked, original)
    assert (place["trial"], place["wanted"]["step"], place["wanted"]["first"]) == (FAST, "1", 2)
    del tracked.variables["LAB_REPRODUCES"]


def test_a_trial_that_fails_in_the_step_says_so(tracked: Clone, tmp_path: Path) -> None:
    assert tracked.tiny(seeds=1, steps=2).code == 0
    place = located(tracked, tracked.newest().name, "--step", "end")
    failed = read(recorded(tracked, place, action="fail"), tmp_path / "a.jsonl")
    assert failed.end["error"] == "ValueError: the trial fails on purpose\nand says more"
    shorter = recorded(tracked, {**place, "wanted": {**place["wanted"], "first": 99, "last": 100}})
    shorter.assert_one_line(2, "ends before step end")


LOUD = '''"""A lab that prints in every way."""

import os

from fearless_labs import Config, Lab


def train(config, seed, log):
    print("from Python", flush=True)
    os.write(1, b"from the system\\n")
    os.system("echo from a program")
    log(0, loss=1.0)
    return {"loss": 1.0}


LAB = Lab(name="loud", summary="Noise", config=Config, trials=train, frameworks=("numpy",))
'''


def test_what_a_lab_prints_is_not_in_the_file(clone: Clone, tmp_path: Path) -> None:
    root = tmp_path / "clone"
    shutil.copytree(clone.root, root)
    (root / "labs" / "mine").mkdir(parents=True)
    (root / "labs" / "mine" / "loud.py").write_text(LOUD, encoding="utf-8")
    wanted = Wanted(run="r", variant="default", seed=0, framework="numpy", dtype="float32", step="0", first=0, last=1)
    ended = Clone(root, clone.journals).run("operations", "loud", wanted.model_dump_json())
    assert [json.loads(line)["name"] for line in read(ended, tmp_path / "a.jsonl").lines()] == ["log"]
    assert ended.err.split("\n")[:3] == ["from Python", "from the system", "from a program"]


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--trial", "fast"], ["--trial fast", "no such trial", f"'{FAST}'"]),
        (["--step", "1000"], ["--step 1000", "logged no such step"]),
        (["--step", "0:3"], ["--step 0:3", "no such step"]),
        (["--trial", FAST, "--step", "-1"], ["--step -1", "140:2"]),
        (["--step", "first"], ["--step first", "140:2"]),
        (["--step", "9" * 5000], ["--step 9", "no such step"]),
    ],
)
def test_a_place_that_is_not_there_is_one_line(words: list[str], named: list[str], tracked: Clone) -> None:
    if not tracked.runs():
        assert tracked.tiny(seeds=1).code == 0
    tracked.run("locate", tracked.newest().name, *words).assert_one_line(2, *named)


@pytest.mark.parametrize(
    ("wanted", "named"),
    [
        ("{}", "run"),
        ("nonsense", "JSON"),
        ('{"run":"r","variant":"v","seed":0,"framework":"jax","dtype":"float32","step":"0","first":0}', "framework"),
        ('{"run":"r","variant":"v","seed":0,"framework":"numpy","dtype":"float32","step":"0","first":-1}', "first"),
    ],
)
def test_a_step_that_cannot_be_read_is_one_line(wanted: str, named: str, clone: Clone) -> None:
    clone.run("operations", "tiny", wanted).assert_one_line(2, "operations takes", named)


def child(lines: list[str]) -> Child:
    return Child("adam", 3, "FINISHED", lambda: iter(lines), digest_of(lines), 0)


def test_records_of_one_step_are_told_apart() -> None:
    lines = [canonical(step_record(step, {"loss": 1.0})) for step in (0, 0, 1)]
    lines.insert(1, canonical(parameters_record({})))
    assert locate.step_names(child(lines)) == {0: "0:1", 2: "0:2", 3: "1"}


def test_places_in_a_record() -> None:
    original = record(SAME)
    adam, sgd = original.children.values()
    assert locate.named(original, None, None) == (adam, 0)
    assert locate.named(original, sgd.name, "2") == (sgd, 2)
    assert locate.named(original, sgd.name, "end") == (sgd, None)
    assert locate.first_difference(original, record(SAME)) == (adam, 0)
    other = record({**SAME, ("sgd", 3): trace([1.0, 0.75, 0.4])})
    assert locate.first_difference(original, other) == (sgd, 2)
    other = record({**SAME, ("sgd", 3): trace([1.0, 0.75, 0.5], accuracy=0.7)})
    assert locate.first_difference(original, other) == (sgd, None)
    with pytest.raises(UserError, match="cannot be run alone"):
        locate.described("run", adam, 0)
