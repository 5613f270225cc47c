"""``--debug`` and ``--rehearse``: what the author of a lab sees of it; nothing is recorded."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lib.harness.running.rehearsal import Alarm, TimeUpError
from tests.lib.harness.support import Clone, Ended, descendants, end_of, living, until

FAULTY = '''"""A lab with one of each mistake."""

from fearless_labs import Claim, Config, Lab, Runtime, batches, variants_by_seeds


class FaultyConfig(Config):
    wide: bool = False
    broken: bool = False


def study(config):
    variants = {"narrow": {}, "wide": {"wide": True}, "broken": {"broken": True}}
    yield from batches(variants_by_seeds(config, variants, Runtime("numpy")), config.batch)


def train(config, seed, log):
    log(0, loss=1.0)
    if config.broken:
        raise ZeroDivisionError("the network is empty")
    return {"accuracy": 0.5 + config.wide * seed.rng("x").random()}


def wider(results):
    wide = results["wide"].acuracy
    return wide - results["narrow"].accuracy


def worst(results):
    return min(min(results[variant].accuracy) for variant in results.variants("brok"))


def figure(results, config):
    raise TypeError("no axes")


def first_of_all(results, config):
    raise IndexError(f"{len([result for result in results if result.status == 'FINISHED'])} are too few")


LAB = Lab(
    name="faulty",
    summary="Mistakes",
    config=FaultyConfig,
    trials=train,
    study=study,
    claims=(
        Claim("right", measure=lambda results: results["wide"].accuracy, at_least=0),
        Claim("misspelt", measure=wider, at_least=0),
        Claim("open", measure=lambda results: results["broken"].accuracy, at_most=1),
        Claim("empty", measure=worst, kind="exact", at_most=1),
    ),
    figures={"bars": figure, "all": first_of_all},
)
'''


@pytest.fixture
def faulty(clone: Clone, tmp_path: Path) -> Clone:
    """A clone with the lab above in the caller's own folder."""
    root = tmp_path / "clone"
    shutil.copytree(clone.root, root)
    (root / "labs" / "mine").mkdir(parents=True)
    (root / "labs" / "mine" / "faulty.py").write_text(FAULTY, encoding="utf-8")
    return Clone(root, clone.journals)


def line_of(text: str) -> int:
    return next(number for number, line in enumerate(FAULTY.splitlines(), 1) if text in line)


def row(ended: Ended, name: str) -> str:
    """The one line of a table that begins with the name of a part or its kind and name."""
    (found,) = [line for line in ended.out.splitlines() if name in line.split()[:2]]
    return found


def with_input(clone: Clone, typed: str, *arguments: str) -> Ended:
    """Run a command that reads what a user types."""
    process = subprocess.Popen(
        [sys.executable, "-m", "lib", *arguments],
        cwd=clone.root,
        env=clone.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    out, err = process.communicate(typed, timeout=240)
    return Ended(process.returncode, out, err)


def test_debug_measures_what_a_worker_measures_and_records_nothing(clone: Clone) -> None:
    debugged = clone.tiny("--debug", "--seed", "3", seeds=1)
    assert debugged.code == 0, debugged
    assert not list(clone.journals.iterdir())
    assert clone.tiny("--seed", "3", seeds=1).code == 0
    (measurements,) = clone.newest().glob("trial-0000*.files/measurements.json")
    assert str(json.loads(measurements.read_text())["loss"]) in row(debugged, "loss")


def test_a_breakpoint_reads_what_is_typed_and_knows_the_trial(clone: Clone) -> None:
    ended = with_input(clone, "p round(float(w.sum())), config.steps\nc\n", "tiny", "--debug", *steps(1, "stop"))
    assert ended.code == 0, ended
    assert "(0, 1)" in ended.out
    assert "loss" in ended.out


def test_a_debugger_that_is_left_is_no_crash(clone: Clone) -> None:
    ended = with_input(clone, "q\n", "tiny", "--debug", *steps(1, "stop"))
    ended.assert_one_line(1, "debugger", "before the trial ended")


def steps(number: int, action: str) -> list[str]:
    return ["--set", f"steps={number}", "--set", f"action={action}"]


def test_debug_shows_the_whole_traceback(clone: Clone) -> None:
    ended = clone.tiny("--debug", action="fail")
    assert ended.code == 1
    assert ended.err.startswith("Traceback")
    assert 'tiny.py", line' in ended.err
    assert ended.err.endswith("ValueError: the trial fails on purpose\nand says more\n")
    assert not list(clone.journals.iterdir())


def test_debug_interrupted_says_where_it_was(clone: Clone) -> None:
    process = clone.start("tiny", "--debug", *steps(100_000, "sleep"))
    assert process.stdout is not None
    assert "seed 0" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    ended = end_of(process)
    assert ended.code == 130, ended
    assert ended.err.endswith("KeyboardInterrupt\n")
    assert "KILLED" not in ended.err


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("tiny", "--debug", "--on", "ray"), "--debug and --on cannot be combined"),
        (("tiny", "--debug", "--workers", "2"), "--debug and --workers cannot be combined"),
        (("tiny", "--debug", "--rehearse"), "--debug and --rehearse cannot be combined"),
        (("tiny", "--rehearse", "--resume", "last:tiny"), "--rehearse and --resume cannot be combined"),
        (("claims", "--debug"), "claims is a command"),
        (("tiny", "--debug", "--set", "rate=1"), "learning_rate"),
    ],
)
def test_what_cannot_be_combined_is_one_line(clone: Clone, arguments: tuple[str, ...], named: str) -> None:
    clone.run(*arguments).assert_one_line(2, named)


def test_a_rehearsal_of_a_lab_without_mistakes(clone: Clone) -> None:
    ended = clone.tiny("--rehearse", "--quick")
    assert ended.code == 0, ended
    assert not list(clone.journals.iterdir())
    for part in ("fast", "slow", "fast-is-better/loss", "fast-is-better/zero", "capped/infinite", "losses"):
        assert " ok" in row(ended, part)


def test_a_rehearsal_finds_each_mistake_and_its_line(faulty: Clone) -> None:
    ended = faulty.run("faulty", "--rehearse")
    assert ended.code == 1, ended
    assert not list(faulty.journals.iterdir())
    for part, error, text in (
        ("broken", "ZeroDivisionError: the network is empty", "raise ZeroDivisionError"),
        ("misspelt", "acuracy", "wide = results"),
        ("bars", "TypeError: no axes", "raise TypeError"),
    ):
        found = row(ended, part)
        assert " error  " in found, found
        assert error in found
        assert f"faulty.py:{line_of(text)})" in found
    for part in ("narrow", "wide", "right"):
        assert " ok" in row(ended, part)
    for part in ("open", "empty", "all"):
        assert " not rehearsed " in row(ended, part)
        assert "lacks 'broken': " in row(ended, part)


@pytest.mark.slow
def test_a_trial_that_takes_longer_is_named_and_what_needs_it_is_open(clone: Clone) -> None:
    ended = clone.tiny("--rehearse", steps=100_000, action="sleep", seeds=1)
    assert ended.code == 0, ended
    assert "first record after" in row(ended, "fast")
    assert "not at its end" in row(ended, "slow")
    assert " not rehearsed " in row(ended, "capped/infinite")
    assert " ok" in row(ended, "fast-is-better/zero")


def test_a_study_that_raises_is_a_row(clone: Clone) -> None:
    ended = clone.tiny("--rehearse", action="break")
    assert ended.code == 1, ended
    assert "no trial of the grid has a finite score" in row(ended, "study")


def test_an_interrupted_rehearsal_leaves_nothing(clone: Clone, tmp_path: Path) -> None:
    clone.variables["TMPDIR"] = str(tmp_path / "tmp")
    Path(clone.variables["TMPDIR"]).mkdir()
    process = clone.start("tiny", "--rehearse", *steps(100_000, "sleep"))
    until(lambda: list(Path(clone.variables["TMPDIR"]).glob("lab-rehearsal-*/*.jsonl")), what="a trial runs")
    processes = descendants(process)
    os.killpg(process.pid, signal.SIGINT)
    ended = end_of(process)
    ended.assert_one_line(130, "nothing was recorded")
    until(lambda: not living(processes), what="no process is left")
    assert not list(clone.journals.iterdir())
    assert not list(Path(clone.variables["TMPDIR"]).glob("lab-rehearsal-*"))


def test_time_that_is_up_leaves_no_half_of_a_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "slowly_loaded.py").write_text("import signal\nsignal.raise_signal(signal.SIGALRM)\nwhole = True\n")
    monkeypatch.syspath_prepend(tmp_path)
    with Alarm(1000) as alarm:
        module = importlib.import_module("slowly_loaded")
        assert not alarm.rang
        with pytest.raises(TimeUpError):
            signal.raise_signal(signal.SIGALRM)
    assert module.whole
    assert alarm.rang
