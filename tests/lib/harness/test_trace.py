"""The trace and its digest, against their published definition and the shell command that checks it."""

import hashlib
import json
import math
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lib.harness.errors import UserError
from lib.harness.recording.journal import Journal
from lib.harness.recording.reading import read
from lib.harness.recording.recorder import Recorder, plain
from lib.harness.recording.trace import (
    canonical,
    first_broken,
    parent_digest,
    record_of,
    step_record,
    trace_lines,
    trial_line,
    version_of,
)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal.create(tmp_path / "trial-0000.jsonl", {"key": "k"})
    journal.files.mkdir()
    yield journal
    journal.close()


def lines_of(journal: Journal) -> list[str]:
    return [canonical(record["record"]) for _, record in read(journal.path) if record["kind"] == "log"]


def test_the_canonical_line() -> None:
    line = canonical({"values": {"b": "ü", "a": 1}, "step": 0})
    assert line == '{"step":0,"values":{"a":1,"b":"\\u00fc"}}'


def test_the_digest_is_what_the_published_command_prints(journal: Journal, tmp_path: Path) -> None:
    recorder = Recorder(journal)
    for step in range(25):
        recorder(step, loss=0.1 * step, w=np.arange(step + 1.0))
        recorder.timing(step, seconds=1e-3 * step)
    recorder.parameters({"w": np.eye(2, dtype=np.float32)})
    recorder.measurements({"accuracy": 0.1, "capped": math.inf, "text": '{"digest" in a text'})
    trace = tmp_path / "trace.jsonl"
    trace.write_text("".join(trace_lines(lines_of(journal))), encoding="ascii")
    shell = "grep -v '^{\"digest\"' trace.jsonl | sha256sum"
    printed = subprocess.run(shell, shell=True, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert printed.split()[0] == recorder.digest

    lines = trace.read_text(encoding="ascii").splitlines()
    checkpoints = [json.loads(line) for line in lines if line.startswith('{"digest"')]
    assert [c["line"] for c in checkpoints] == [10, 20]
    kept = [line for line in lines if not line.startswith('{"digest"')]
    for checkpoint in checkpoints:
        so_far = "".join(line + "\n" for line in kept[: checkpoint["line"]])
        assert hashlib.sha256(so_far.encode()).hexdigest() == checkpoint["digest"]


def digest_of(folder: Path, name: str, *, loss: float = 1.0, w: float = 1.0, seconds: float = 1.0) -> str:
    journal = Journal.create(folder / f"{name}.jsonl", {"key": name})
    journal.files.mkdir()
    recorder = Recorder(journal)
    recorder(1, loss=loss)
    recorder.timing(1, seconds=seconds)
    recorder.parameters({"w": np.array([w])})
    recorder.measurements({"loss": loss})
    journal.end("FINISHED")
    return recorder.digest


def test_the_last_bit_changes_the_digest_and_timings_do_not(tmp_path: Path) -> None:
    first = digest_of(tmp_path, "first")
    assert digest_of(tmp_path, "again", seconds=2.0) == first
    assert digest_of(tmp_path, "loss", loss=math.nextafter(1.0, 2.0)) != first
    assert digest_of(tmp_path, "w", w=math.nextafter(1.0, 2.0)) != first


TRIALS = [("with", 0, b"{}", "a" * 64), ("with", 1, b"{}", "b" * 64), ("without", 0, b"{}", "c" * 64)]


def lines_of_trials(trials: list[tuple[str, int, bytes, str]], version: str = "2") -> list[str]:
    return [trial_line(version, variant=v, seed=s, config=c, digest=d) for v, s, c, d in trials]


def test_the_parents_digest_names_the_trials_and_not_their_order() -> None:
    digest = parent_digest(lines_of_trials(TRIALS))
    text = "".join(
        json.dumps(
            {"config": hashlib.sha256(c).hexdigest(), "digest": d, "seed": s, "variant": v}, separators=(",", ":")
        )
        + "\n"
        for v, s, c, d in TRIALS
    )
    shell = "sort | sha256sum"
    printed = subprocess.run(
        shell, shell=True, input=text, capture_output=True, text=True, check=True, env={"LC_ALL": "C"}
    ).stdout
    assert digest == parent_digest(reversed(lines_of_trials(TRIALS))) == printed.split()[0]
    (a, b, c), swapped = TRIALS, {"with": "without", "without": "with"}
    others = [
        [a, b],
        [(swapped[v], s, config, d) for v, s, config, d in TRIALS],
        [(*a[:3], b[3]), (*b[:3], a[3]), c],
        [a, ("with", 2, *b[2:]), c],
        [a, (*b[:2], b'{"steps": 2}', b[3]), c],
    ]
    assert len({digest, *(parent_digest(lines_of_trials(trials)) for trials in others)}) == 1 + len(others)


def test_the_parents_digest_of_version_1_is_over_its_childrens_alone() -> None:
    children = [digest for *_, digest in TRIALS]
    printed = subprocess.run(
        "sort | sha256sum",
        shell=True,
        input="".join(f"{child}\n" for child in children),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert parent_digest(lines_of_trials(TRIALS, "1")) == printed.split()[0]


def test_a_version_that_is_not_known_yet_is_one_line() -> None:
    assert version_of({}) == version_of({"lab.trace_version": "1"}) == "1"
    with pytest.raises(UserError, match=r"lab\.trace_version is '3', and this clone knows 1 and 2: git pull"):
        version_of({"lab.trace_version": "3"})


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{",
        "[]",
        "[" * 100_000,
        '{"step":0}',
        '{"step":"0","values":{}}',
        '{"step":0,"values":[]}',
        '{"values":{},"step":0}',
        '{"step":0, "values":{}}',
        '{"step":0,"values":{"a":"0x0.0p+0","a":"0x1.0p+0"}}',
        '{"measurements":{},"parameters":{}}',
        '{"measurements":{"ü":null}}',
    ],
)
def test_what_is_no_record_is_seen(line: str) -> None:
    assert record_of(line) is None


def test_lines_end_with_a_newline_and_with_nothing_else() -> None:
    """What other programs take for the end of a line is part of it, so a digest is of what sha256sum reads."""
    lines = list(trace_lines(canonical(step_record(step, {})) for step in range(10)))
    assert first_broken(lines) == []
    assert first_broken(line.replace("\n", "\r\n") for line in lines) != []


def test_parameters_and_measurements_can_be_read_back(journal: Journal) -> None:
    recorder = Recorder(journal)
    w = np.linspace(0, 1, 7, dtype=np.float32)
    recorder.parameters({"layer/w": w})
    with np.load(journal.files / "model" / "parameters.npz", allow_pickle=False) as saved:
        assert saved["layer/w"].dtype == np.float32
        assert np.array_equal(saved["layer/w"], w)
    recorder.measurements(plain({"path": w.astype(float), "n": np.int32(3), "bad": np.array([np.inf, np.nan])}))
    saved = json.loads((journal.files / "measurements.json").read_text(), parse_constant=pytest.fail)
    assert saved == {"path": w.astype(float).tolist(), "n": 3, "bad": ["inf", "nan"]}


@pytest.mark.parametrize("name", ["loss@10", "", "/a", "a//b", "../a", "a\nb", "ünfug!"])
def test_a_name_that_mlflow_would_refuse_fails_at_once(journal: Journal, name: str) -> None:
    recorder, values = Recorder(journal), dict[str, Any]({name: 1.0})
    records: list[Callable[[], None]] = [
        lambda: recorder(0, **values),
        lambda: recorder.timing(**values),
        lambda: recorder.parameters({name: np.zeros(1)}),
        lambda: recorder.measurements(values),
    ]
    for record in records:
        with pytest.raises(UserError, match="MLflow would refuse the name"):
            record()


def test_a_name_is_as_long_as_mlflow_takes_it_with_what_comes_before_it(journal: Journal) -> None:
    """A measurement is the metric final/NAME, which has 250 characters at most."""
    recorder = Recorder(journal)
    recorder(0, **{"a" * 250: 1.0})
    recorder.measurements({"a" * 244: 1.0})
    with pytest.raises(UserError, match="MLflow would refuse the name"):
        recorder(0, **{"a" * 251: 1.0})
    with pytest.raises(UserError, match="MLflow would refuse the name"):
        recorder.measurements({"a" * 245: 1.0})
