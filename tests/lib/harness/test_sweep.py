"""``sweep``, from its words to the registered config, and the lab that runs with it. Everything is real."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lib.harness.commands.sweep import WORTH, comparison
from lib.harness.contract.config import Config
from lib.harness.contract.results import Results
from lib.harness.contract.search import Search
from lib.harness.contract.trial import Result, Trial
from lib.harness.judging.verdicts import judge
from tests.lib.harness.support import (
    Clone,
    Server,
    digests,
    end_of,
    journals_of,
    records,
    said,
    statuses,
    tags_of,
    until,
)

PICTURES = {"history.png", "importance.png", "parallel_coordinates.png", "slices.png"}
WORDS = ("sweep", "tiny", "--trials", "14", "--fresh", "3")


def trials_of(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """The journals of the trials of the search, by variant, in the order in which they were asked for."""
    found = {lines[0]["tags"]["lab.variant"]: lines for lines in journals_of(folder).values() if lines[0]["parent"]}
    return {name: lines for name, lines in found.items() if name.startswith("search/")}


def values(lines: list[dict[str, Any]], name: str) -> list[float]:
    """What a trial has logged under this name."""
    logged = (line["record"].get("values", {}) for line in lines if line["kind"] == "log")
    return [float.fromhex(one[name]) for one in logged if name in one]


def best(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "run.files" / "best.json").read_text())
    return found


SPREAD = np.array([0.0, 0.004, -0.004, 0.002, -0.002])


@pytest.mark.parametrize(
    ("goal", "default", "best", "verdict"),
    [
        ("maximize", 0.8, 0.8 + 0.8 * SPREAD + 0.04, "holds"),
        ("minimize", 0.8, 0.8 + 0.8 * SPREAD - 0.04, "holds"),
        ("minimize", -0.8, -0.8 + 0.8 * SPREAD - 0.04, "holds"),
        ("maximize", 8e-7, 8e-7 + 8e-7 * SPREAD + 4e-8, "holds"),
        ("maximize", 0.8, 0.8 + 0.8 * SPREAD + 0.8 * WORTH, "inconclusive"),
        ("maximize", 0.8, 0.8 + 0.1 * SPREAD + 0.004, "fails"),
        ("maximize", 0.8, 0.8 + 0.8 * SPREAD - 0.04, "fails"),
        ("maximize", 0.8, 0.8 + 0 * SPREAD, "inconclusive"),
        ("maximize", 0.0, 0.8 + 0.8 * SPREAD, "inconclusive"),
        ("minimize", 0.8, np.full(5, np.nan), "inconclusive"),
    ],
)
def test_the_best_beats_the_default_by_a_share_of_its_score(
    goal: Any, default: float, best: np.ndarray, verdict: str
) -> None:
    """By one per cent or more, whatever the unit; a best that is the default itself gains nothing."""
    search = Search({}, lambda config: Trial("judged", config, 0), "score", goal)
    claim = comparison(search)
    assert (claim.more_than, claim.smallest) == (0.0, WORTH)

    def of(name: str, values: Any) -> list[Result]:
        return [Result(Trial(name, Config(), i), "", "FINISHED", {"score": value}) for i, value in enumerate(values)]

    trials = [*of("default", [default] * 5), *of("best", best)]
    assert judge(claim, Results(trials), "lab")["verdict"] == verdict
    gap = judge(claim, Results(trials[:-1]), "lab")
    assert gap["verdict"] == "inconclusive", "the partner of one seed is missing"
    assert default == 0 or "no partner for seed 4" in gap["note"]


@pytest.mark.slow
def test_a_sweep_asks_for_the_same_trials_on_one_worker_and_on_two(clone: Clone) -> None:
    folders = []
    for workers in ("1", "2"):
        ended = clone.run(*WORDS, "--workers", workers)
        assert ended.code == 0, ended
        folders.append(clone.newest())
    one, two = map(digests, folders)
    assert len(one) == 14 + 2 * 3
    assert one == two
    assert best(folders[0])["found"] == best(folders[1])["found"]
    other = clone.run(*WORDS, "--seed", "1")
    assert other.code == 0 and digests(clone.newest()) != one


def test_a_sweep_registers_its_best_config_and_the_lab_runs_with_it(clone: Clone) -> None:
    before = clone.tiny("--config", "best")
    before.assert_one_line(2, "--config best: the journal of this machine has no finished sweep", "./invoke sweep tiny")
    ended = clone.run(*WORDS)
    assert ended.code == 0, ended
    sweep = clone.newest()
    found = best(sweep)
    trials = trials_of(sweep)
    losses = {name: float.fromhex(m["loss"]) for name, m in _measured(trials).items() if "loss" in m}
    assert found["value"] == min(losses.values())
    winner = min(losses, key=losses.__getitem__)
    assert found["trial"] == trials[winner][0]["key"]
    params = {name: json.loads(text) for name, text in trials[winner][0]["params"].items() if name in found["found"]}
    assert found["found"] == params and set(params) == {"learning_rate", "steps", "backwards"}
    assert f"{found['value']:.4g}" in ended.out and "./invoke lab tiny --config best" in ended.out
    tags: dict[str, str] = {}
    for line in records(sweep / "run.jsonl"):
        tags |= line.get("tags", {})
    assert json.loads(tags["lab.best_config"]) == params and tags["lab.best_trial"] == found["trial"]
    assert tags["claim.best-beats-default"] in ("holds", "fails", "inconclusive")
    settings = json.loads((sweep / "run.files" / "sweep.json").read_text())
    assert (settings["sampler"], settings["pruner"], settings["trials"], settings["batch"]) == ("tpe", "median", 14, 4)

    assert clone.tiny("--config", "best", seeds=2).code == 0
    (header, *_) = records(clone.newest() / "run.jsonl")
    assert header["tags"]["lab.config_from"] == sweep.name
    ran = {name: json.loads(header["params"][name]) for name in params}
    assert ran == params and header["params"]["text"] == "adopted by 2"  # of this run, not of the sweep
    assert clone.tiny("--config", "best", steps=11).code == 0  # what is said by name comes last
    assert records(clone.newest() / "run.jsonl")[0]["params"]["steps"] == "11"


def _measured(trials: dict[str, list[dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    return {
        name: line["record"]["measurements"]
        for name, lines in trials.items()
        for line in lines
        if line["kind"] == "log" and "measurements" in line["record"]
    }


def test_pruning_saves_steps_and_changes_nothing_of_those_that_ran(clone: Clone) -> None:
    words = ("sweep", "tiny", "--trials", "24", "--sampler", "random", "--fresh", "0")
    assert clone.run(*words, "--pruner", "none").code == 0
    whole = trials_of(clone.newest())
    ended = clone.run(*words, "--pruner", "median")
    assert ended.code == 0, ended
    folder = clone.newest()
    cut = trials_of(folder)
    assert whole.keys() == cut.keys()
    pruned = {name for name, lines in cut.items() if "lab.pruned" in lines[-1]["tags"]}
    assert 0 < len(pruned) < 24
    steps = 0
    for name, lines in cut.items():
        ran, could = values(lines, "loss"), values(whole[name], "loss")
        assert lines[-1]["status"] == "FINISHED"
        assert lines[0]["params"] == whole[name][0]["params"]
        assert ran == could[: len(ran)] and (len(ran) < len(could)) is (name in pruned)
        steps += len(could) - len(ran)
        if name in pruned:
            assert lines[-1]["tags"]["lab.pruned"] == f"after {len(ran)} reports"
            assert _measured({name: lines})[name] == {"pruned_after": float(len(ran)).hex()}
    assert steps > 24
    assert f"{len(pruned)} of 24 trials were pruned" in ended.out
    assert "failed" not in ended.out
    assert set(statuses(folder)) == {"FINISHED"}


@pytest.mark.parametrize("pruner", [pytest.param("hyperband", marks=pytest.mark.slow), "halving"])
def test_pruning_does_not_depend_on_the_workers(clone: Clone, pruner: str) -> None:
    found = []
    for workers in ("1", "2"):
        assert clone.run(*WORDS, "--pruner", pruner, "--workers", workers).code == 0
        found.append(digests(clone.newest()))
    assert found[0] == found[1]


def test_its_pictures_show_something(clone: Clone) -> None:
    assert clone.run(*WORDS).code == 0
    figures = clone.newest() / "run.files" / "figures"
    assert {path.name for path in figures.iterdir()} == PICTURES
    for path in figures.iterdir():
        with Image.open(path) as picture:
            drawn = int((np.ptp(np.asarray(picture.convert("RGB"), dtype=int), axis=2) > 60).sum())
        assert drawn > 500, path.name  # lines, bars and points are coloured; axes, grid and words are grey


def test_too_few_trials_for_a_picture_are_said_and_no_failure(clone: Clone) -> None:
    fixed = ("--set", "learning_rate=0.1", "--set", "backwards=true", "--set", "text=even")
    words = ("--sampler", "grid", "--space", "steps=10,11,12", *fixed)
    ended = clone.run("sweep", "tiny", "--trials", "9", "--fresh", "0", *words)
    assert ended.code == 0, ended
    assert "2 of 3 trials: no other valid combination was found" in ended.out
    assert list(trials_of(clone.newest())) == ["search/0000", "search/0001"]
    assert "no pictures of the search: 2 trials ran to their end, 4 are needed" in ended.out


@pytest.mark.slow
def test_a_sweep_that_has_failed_says_so_and_is_not_taken(clone: Clone) -> None:
    ended = clone.run("sweep", "tiny", "--trials", "3", "--fresh", "1", "--set", "action=fail")
    assert ended.code == 1, ended
    assert "no best config: no trial of the search has ended with a number" in ended.out
    assert not (clone.newest() / "run.files" / "best.json").exists()
    clone.tiny("--config", "best").assert_one_line(2, "no finished sweep of the lab 'tiny'")
    claimless = ("--set", "action=fail-slow", "--set", "learning_rate=0.01", "--space", "learning_rate=0.1:1")
    ended = clone.run("sweep", "tiny", "--trials", "2", "--fresh", "1", *claimless)  # of the two, the default fails
    assert ended.code == 1, ended
    assert (clone.newest() / "run.files" / "best.json").exists() and "--config best" not in ended.out
    clone.tiny("--config", "best").assert_one_line(2, "no finished sweep of the lab 'tiny'")


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("tiny",), ["say how many trials, as in --trials 30"]),
        (("tini", "--trials", "3"), ["no lab 'tini'", "Nearest: tiny"]),
        (("tiny", "--trials", "0"), ["--trials 0", "at least 1"]),
        (("tiny", "--trials", "3", "--sampler", "magic"), ["--sampler", "magic", "tpe"]),
        (("tiny", "--trials", "3", "--sampler", "cmaes", "--set", "steps=9"), ["--sampler cmaes", "two ranges"]),
        (("tiny", "--trials", "3", "--pruner", "secateurs"), ["--pruner", "secateurs", "median"]),
        (
            ("tiny", "--trials", "3", *("--set", "learning_rate=0.1", "--set", "steps=9", "--set", "backwards=true")),
            ["leave one of its fields out"],
        ),
        (("tiny", "--trials", "3", "--space", "steps=0:9"), ["steps", ">= 1"]),
        (
            ("tiny", "--trials", "3", "--space", "steps=11:19:2", "--set", "text=even"),
            ["no combination of the space is valid", "steps=1", "steps are odd", "change --space or --set"],
        ),
        (("tiny", "--trials", "3", "--set", "steps=no"), ["steps='no'"]),
        ((), ["sweep takes 1 argument, but you gave 0"]),
    ],
)
def test_bad_words_get_one_line(clone: Clone, words: tuple[str, ...], wanted: list[str]) -> None:
    clone.run("sweep", *words).assert_one_line(2, *wanted)
    assert not list(clone.journals.iterdir())


def test_mlflow_shows_every_trial_and_what_was_pruned(clone: Clone, server: Server) -> None:
    clone.tracking = server.url
    assert clone.run(*WORDS).code == 0
    folder = clone.newest()
    runs = {key: run for key, run in server.runs("tiny-sweep").items() if key.startswith(folder.name)}
    assert len(runs) == 1 + 14 + 6
    assert {run["info"]["status"] for run in runs.values()} == {"FINISHED"}
    parent = runs.pop(folder.name)
    assert {tags_of(run)["mlflow.parentRunId"] for run in runs.values()} == {parent["info"]["run_id"]}
    pruned = {tags_of(run)["lab.variant"] for run in runs.values() if "lab.pruned" in tags_of(run)}
    assert pruned == {name for name, lines in trials_of(folder).items() if "lab.pruned" in lines[-1]["tags"]} != set()
    assert tags_of(parent)["lab.best_trial"] == best(folder)["trial"]
    files = server.artifacts(parent)
    assert json.loads(files["best.json"]) == best(folder)
    assert {name for name in files if name.startswith("figures/")} == {f"figures/{name}" for name in PICTURES}
    curve = [float.fromhex(value) for name, _, _, value in server.points(parent) if name == "best/loss"]
    assert curve == sorted(curve, reverse=True) and curve[-1] == best(folder)["value"]


@pytest.mark.slow
def test_an_interrupted_sweep_goes_on_where_it_was_and_ends_as_if_nothing_had_happened(clone: Clone) -> None:
    words = ("--pruner", "halving", "--set", "action=sleep", "--space", "steps=10:20", "--set", "backwards=false")
    assert clone.run(*WORDS, *words).code == 0
    whole = clone.newest()
    process = clone.start(*WORDS, *words)
    until(lambda: clone.newest() != whole and _pruned(clone.newest()), 200, what="a trial has been pruned")
    os.killpg(process.pid, signal.SIGINT)
    ended = end_of(process)
    assert ended.code == 130
    assert f"To go on: ./invoke sweep tiny --resume {clone.newest().name}" in ended.err
    folder = clone.newest()
    assert statuses(folder)[0] == "KILLED"
    before = _ended(folder)
    assert 4 < len(before) < 20

    clone.run("sweep", "tiny", "--resume", folder.name, "--trials", "3").assert_one_line(2, "leave out --trials")
    clone.tiny("--resume", folder.name).assert_one_line(2, f"./invoke sweep tiny --resume {folder.name}")
    again = clone.run("sweep", "tiny", "--resume", "last:tiny", "--workers", "1")
    assert again.code == 0, again
    assert clone.newest() in (folder, whole) and len(clone.runs()) == 2
    assert {key: end["time"] for key, end in before.items()}.items() <= {
        key: end["time"] for key, end in _ended(folder).items()
    }.items()
    assert digests(folder) == digests(whole)
    assert {**best(folder), "run": "", "trial": ""} == {**best(whole), "run": "", "trial": ""}


def _ended(folder: Path) -> dict[str, dict[str, Any]]:
    """The last records of the trials that have ended well, by file."""
    found = {}
    for path in folder.glob("trial-*.jsonl"):
        last = path.read_text().splitlines()[-1:]
        if last and '"status":"FINISHED"' in last[0]:
            found[path.name] = json.loads(last[0])
    return found


def _pruned(folder: Path) -> list[str]:
    """Those of them that were pruned."""
    return [name for name, end in _ended(folder).items() if "lab.pruned" in end["tags"]]


@pytest.mark.slow
def test_a_sweep_is_said_again_with_all_of_its_space_and_asks_for_the_same_trials(clone: Clone) -> None:
    """As `reproduce` does: the recorded words, and every field of the recorded config by ``--set``."""
    words = ("--space", "steps=10:20:5", "--space", "text=a,b", "--set", "backwards=true", "--sampler", "random")
    assert clone.run(*WORDS, *words).code == 0
    first = clone.newest()
    tags = records(first / "run.jsonl")[0]["tags"]
    config = json.loads((first / "run.files" / "config.json").read_text())
    again = clone.run("sweep", *json.loads(tags["lab.sweep"]), "--seed", tags["lab.seed"], *said(config))
    assert again.code == 0, again
    assert clone.newest() != first
    assert digests(clone.newest()) == digests(first)
    assert {p["steps"] for p in (lines[0]["params"] for lines in trials_of(first).values())} == {"10", "15", "20"}
