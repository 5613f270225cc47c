"""The learner's work: what survives a kernel, a second kernel, a damaged file and a full disk, and what MLflow gets."""

from __future__ import annotations

import json
import multiprocessing
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.harness.contract.texts import LANGUAGES, Language
from lib.lessons import mirror, progress
from lib.lessons.lesson import begin
from lib.lessons.order import LESSONS
from lib.lessons.progress import Progress, is_sound, place

ROOT = Path(__file__).resolve().parents[3]


def test_the_file_is_below_the_learners_own_folder(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert place() == kept
    monkeypatch.delenv("LAB_LESSONS")
    assert place() == ROOT / "labs" / "mine" / ".lessons" / "progress.json"


def test_what_was_done_is_there_for_the_next_kernel(kept: Path) -> None:
    first = Progress(kept, "ko")
    first.rename("  김  하늘 ")
    first.voted("dropout", "dropout-simplifies", "holds")
    assert first.tried("dropout", "my_dropout", right=False) == 1
    assert first.tried("dropout", "my_dropout", right=True) == 1
    assert first.tried("dropout", "my_dropout", right=False) == 2
    first.ran("dropout", "dropout", "key", "http://m", {"dropout-simplifies": "fails"})
    other = Progress(kept, "en")
    assert other.student == "김 하늘"
    assert other.vote("dropout", "dropout-simplifies") == "holds"
    assert other.vote("dropout", "dropout-narrows-gap") is None
    assert other.of("dropout")["exercises"] == {"my_dropout": {"right": True, "wrong": 2}}, "right once is right"
    assert other.of("dropout")["runs"]["dropout"]["run"] == "key"
    assert other.of("mlp") == {"votes": {}, "exercises": {}, "runs": {}}
    assert "mlp" not in json.loads(kept.read_text(encoding="utf-8"))["lessons"], "a look keeps nothing"


def test_the_name_is_the_users_until_it_is_given(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_USER", "sky")
    assert Progress(kept, "en").student == "sky"
    monkeypatch.delenv("LAB_USER")
    assert Progress(kept, "en").student
    long = Progress(kept, "en")
    long.rename("n" * 1000)
    assert len(long.student) == progress.SHOWN


def _keep(file: str, number: int) -> None:
    for each in range(20):
        Progress(Path(file), "en").tried("dropout", f"exercise_{number}_{each}", right=True)


def test_two_kernels_lose_nothing_of_each_other(kept: Path) -> None:
    context = multiprocessing.get_context("spawn")
    others = [context.Process(target=_keep, args=(str(kept), number)) for number in range(2)]
    for each in others:
        each.start()
    for each in others:
        each.join(120)
        assert each.exitcode == 0
    assert len(Progress(kept, "en").of("dropout")["exercises"]) == 40


DAMAGED = (
    b"",
    b"{",
    b"[]",
    b"\xff\xfe",
    b'{"version": 2, "lessons": {}}',
    b'{"version": 1}',
    b'{"version": 1, "lessons": {"dropout": {}}}',
    b'{"version": 1, "lessons": {}, "student": 3}',
    b'{"version": 1, "lessons": {"a": {"votes": {}, "exercises": {"b": {"right": 1, "wrong": 0}}, "runs": {}}}}',
    b'{"version": 1, "lessons": {"a": {"votes": {}, "exercises": {}, "runs": {"b": []}}}}',
    b"[" * 100_000,
)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("content", DAMAGED, ids=lambda content: repr(content[:30]))
def test_a_damaged_file_is_set_aside_with_one_warning(
    content: bytes, language: Language, kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept.parent.mkdir()
    kept.write_bytes(content)
    opened = Progress(kept, language)
    opened.voted("dropout", "dropout-simplifies", "fails")
    assert Progress(kept, language).vote("dropout", "dropout-simplifies") == "fails"
    (aside,) = kept.parent.glob("progress.damaged-*.json")
    assert aside.read_bytes() == content
    warned = capsys.readouterr().err.splitlines()
    assert len(warned) == 1 and aside.name in warned[0]


def test_two_damaged_files_are_both_set_aside(kept: Path) -> None:
    kept.parent.mkdir()
    for content in (b"one", b"two", b"three"):
        kept.write_bytes(content)
        Progress(kept, "en")
    assert {path.read_bytes() for path in kept.parent.glob("progress.damaged-*")} == {b"one", b"two", b"three"}


def test_where_nothing_can_be_written_the_lesson_goes_on_with_one_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("no folder")
    opened = Progress(tmp_path / "file" / "progress.json", "ko")
    opened.voted("dropout", "dropout-simplifies", "fails")
    assert opened.tried("dropout", "my_dropout", right=False) == 1
    assert opened.tried("dropout", "my_dropout", right=False) == 2
    assert opened.vote("dropout", "dropout-simplifies") == "fails"
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_change_that_is_cut_short_leaves_the_file_as_it_was(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Progress(kept, "en")
    opened.voted("dropout", "dropout-simplifies", "fails")
    before = kept.read_bytes()

    def full(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fdatasync", full)
    opened.voted("dropout", "dropout-simplifies", "holds")
    opened.tried("dropout", "my_dropout", right=False)
    opened.refresh()
    assert opened.vote("dropout", "dropout-simplifies") == "holds"
    assert kept.read_bytes() == before
    assert [path.name for path in kept.parent.iterdir() if path.suffix == ".part"] == []
    monkeypatch.undo()
    opened.voted("dropout", "dropout-narrows-gap", "holds")  # there is room again
    again = Progress(kept, "en").of("dropout")
    assert again["votes"] == {"dropout-simplifies": "holds", "dropout-narrows-gap": "holds"}
    assert again["exercises"] == {"my_dropout": {"right": False, "wrong": 1}}


KEYS = ("version", "lessons", "votes", "exercises", "runs", "right")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["version", "lessons", "votes", "exercises", "runs", "right"]), inner, max_size=4
        )
    ),
    max_leaves=10,
)


@given(JSON)
def test_any_content_is_sound_or_not(state: Any) -> None:
    assert isinstance(is_sound(state), bool)
    if isinstance(state, dict):
        assert isinstance(is_sound({"version": 1, "lessons": state}), bool)


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_lessons_are_listed_with_their_state_and_a_link(
    language: Language, kept: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from lib.lessons import memory, overview

    pages: list[tuple[str, str]] = []
    monkeypatch.setattr(overview, "show", lambda plain, page: pages.append((plain, page)))
    monkeypatch.setattr(overview, "exercises_of", lambda entry: ["a", "b", "c"])
    lesson = begin("start-here", language)
    other = Progress(kept, "en")  # another kernel
    other.rename("<b>하늘")
    other.voted("dropout", "dropout-simplifies", "fails")
    other.tried("dropout", "a", right=True)
    other.tried("dropout", "b", right=False)
    other.tried("dropout", "gone", right=True)
    other.ran("dropout", "dropout", "key", "", {})
    lesson.progress()
    plain, page = pages[-1]
    heading, *lines = plain.splitlines()
    assert "<b>하늘" in heading
    lines, others = lines[: len(LESSONS)], lines[len(LESSONS) :]
    assert [line[:2] for line in lines] == [f"{entry.number:02}" for entry in LESSONS]
    assert len(others) == (memory.limit() is not None)  # a container's memory
    (dropout,) = [line for line in lines if line.startswith("04")]
    expected = {"ko": "2개 중 1개  3개 중 1개  실행함", "en": "1 of 2  1 of 3  done"}[language]
    assert dropout.endswith(expected)
    for entry in LESSONS:
        assert f'<a href="{entry.stem}.ipynb">' in page
    assert "<b>하늘" not in page and "&lt;b&gt;하늘" in page


def test_the_exercises_of_a_lesson_are_its_units() -> None:
    from lib.lessons.order import Entry, find
    from lib.lessons.overview import exercises_of

    entry = find("dropout")
    assert entry is not None
    assert "my_dropout" in exercises_of(entry)
    assert exercises_of(Entry(20, "no-such-lesson")) == []


def test_the_learners_name_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    lesson = begin("start-here", "ko")
    lesson.student("하늘")
    begin("start-here", "en").student()
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) == 2 and all("하늘" in line for line in shown)


@pytest.fixture
def tracking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setattr(mirror, "DELAY_SECONDS", 0.05)
    return uri


@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning")
def test_mlflow_has_one_run_a_student_and_lesson_which_is_resumed(kept: Path, tracking: str) -> None:
    from mlflow import MlflowClient

    opened = Progress(kept, "ko")
    opened.rename("김'하늘\"")
    opened.voted("dropout", "dropout-simplifies", "holds")
    opened.tried("dropout", "my_dropout", right=False)
    opened._mirror.join(300)
    again = Progress(kept, "ko")
    again.tried("dropout", "my_dropout", right=True)
    again.voted("mlp", "threshold-neuron", "fails")
    again._mirror.join(300)
    client = MlflowClient(tracking)
    experiment = client.get_experiment_by_name("lessons")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    assert sorted(run.data.tags["lesson.name"] for run in runs) == ["dropout", "mlp"]
    (dropout,) = [run for run in runs if run.data.tags["lesson.name"] == "dropout"]
    assert dropout.info.status == "FINISHED"
    assert dropout.data.tags["lesson.student"] == "김'하늘\""
    assert dropout.data.tags["vote.dropout-simplifies"] == "holds"
    assert dropout.data.tags["exercise.my_dropout"] == "right"
    assert dropout.data.metrics == {
        "votes": 1.0,
        "exercises_right": 1.0,
        "exercises_tried": 1.0,
        "wrong_answers": 1.0,
    }
    history = client.get_metric_history(dropout.info.run_id, "exercises_right")
    assert [point.value for point in history] == [0.0, 1.0]
    mirror.send(kept)
    assert len(client.get_metric_history(dropout.info.run_id, "votes")) == len(history), "nothing new, nothing sent"


SLOW_ONE = pytest.param("sqlite:////proc/none.db", marks=pytest.mark.slow)  # MLflow's client tries for long


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "no address", SLOW_ONE])
def test_an_mlflow_that_is_away_or_none_is_nobodys_trouble(
    address: str, kept: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    monkeypatch.setattr(mirror, "DELAY_SECONDS", 0.0)
    opened = Progress(kept, "en")
    opened.voted("dropout", "dropout-simplifies", "holds")
    opened._mirror.join(120)
    assert opened.vote("dropout", "dropout-simplifies") == "holds"
    assert capfd.readouterr() == ("", "")


def test_a_change_never_waits_for_mlflow(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setattr(mirror, "DELAY_SECONDS", 0.0)
    going, done = threading.Event(), threading.Event()
    sent: list[bytes] = []

    def slow(file: Path) -> None:
        going.set()
        done.wait(60)
        sent.append(file.read_bytes())

    monkeypatch.setattr(mirror, "send_apart", slow)
    opened = Progress(kept, "en")
    opened.voted("dropout", "dropout-simplifies", "holds")
    assert going.wait(60)
    opened.voted("dropout", "dropout-simplifies", "fails")  # returns while the first one is being sent
    done.set()
    opened._mirror.join(60)
    assert b"fails" in sent[-1], "what came meanwhile is sent as well"


def test_sending_is_a_process_of_its_own_at_the_lowest_priority(kept: Path, tmp_path: Path) -> None:
    """It ends in an error without MLflow's address, and that is told to nobody."""
    Progress(kept, "en").voted("dropout", "dropout-simplifies", "holds")
    environment = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    done = subprocess.run(
        [sys.executable, "-m", "lib.lessons.mirror", str(kept)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1
    assert b"MLFLOW_TRACKING_URI" in done.stderr


def test_the_file_is_readable_by_its_group_as_labs_mine_is(kept: Path) -> None:
    Progress(kept, "en").voted("dropout", "dropout-simplifies", "holds")
    assert stat.S_IMODE(kept.stat().st_mode) & 0o600 == 0o600
