"""The command, from its words to its exit code, its record and its last line. Everything is real but MLflow is away."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lib.harness.contract.results import Results
from lib.harness.contract.trial import Result, Trial
from lib.harness.judging.verdicts import judge_all
from lib.harness.recording.jsonfile import json_bytes
from tests.lib.harness.labs.tiny import LAB, TinyConfig
from tests.lib.harness.support import (
    Clone,
    Ended,
    command_of,
    descendants,
    digests,
    end_of,
    journals_of,
    lines_of_trials,
    living,
    records,
    said,
    statuses,
    until,
)

TAGS = {
    "lab.name", "lab.variant", "lab.seed", "lab.framework", "lab.scope", "lab.image", "lab.lock_sha256",
    "lab.code_sha256", "lab.git_commit", "lab.git_dirty", "lab.data_sha256", "lab.cpu", "lab.gpu", "lab.threads",
    "lab.user", "lab.portable", "lab.kernels", "lab.version",
}  # fmt: skip


def test_with_json_standard_output_is_what_came_out_and_nothing_else(clone: Clone) -> None:
    ended = clone.run("tiny", "--json", "--seeds", "2")
    assert ended.code == 0, ended
    outcome = json.loads(ended.out)
    folder = clone.newest()
    last = records(folder / "run.jsonl")[-1]
    assert (outcome["run"], outcome["trials"], outcome["url"]) == (folder.name, 4, None)
    assert outcome["digest"] == last["tags"]["lab.result_digest"]
    recorded = json.loads((folder / "run.files" / "claims.json").read_text(encoding="utf-8"))
    assert {claim["id"]: claim["verdict"] for claim in outcome["claims"]} == {c["id"]: c["verdict"] for c in recorded}
    assert "Verdicts" in ended.err
    assert "MLflow did not answer" in ended.err


def test_a_lab_ends_with_its_results_though_mlflow_is_away(clone: Clone) -> None:
    ended = clone.tiny(seeds=6)
    assert ended.code == 0, ended
    assert ended.err == ""
    warnings = [line for line in ended.out.splitlines() if "Warning" in line]
    assert len(warnings) == 1
    assert "MLflow did not answer" in warnings[0]
    assert "./invoke sync" in warnings[0]

    folder = clone.newest()
    runs = journals_of(folder)
    parent = runs.pop(folder.name)
    assert len(runs) == 12
    assert statuses(folder) == ["FINISHED"] * 13
    assert parent[0]["tags"].keys() >= TAGS
    assert (parent[0]["tags"]["lab.variant"], parent[0]["tags"]["lab.seed"]) == ("all", "0")
    seen = set()
    for lines in runs.values():
        header = lines[0]
        assert header["tags"].keys() >= TAGS
        assert (header["parent"], header["experiment"]) == (folder.name, "tiny")
        assert "lab.result_digest" in lines[-1]["tags"]
        assert header["params"]["root_seed"] == "0"
        seen.add((header["tags"]["lab.variant"], header["tags"]["lab.seed"], header["params"]["learning_rate"]))
    rates = {"fast": "0.1", "slow": "0.01"}
    assert seen == {(variant, str(seed), rate) for seed in range(6) for variant, rate in rates.items()}
    assert {lines[0]["tags"]["lab.trace_version"] for lines in (parent, *runs.values())} == {"2"}
    assert parent[-1]["tags"]["lab.result_digest"] == hashlib.sha256(lines_of_trials(folder).encode()).hexdigest()
    picture = (folder / "run.files" / "figures" / "losses.png").read_bytes()
    assert picture.startswith(b"\x89PNG")

    again_from_measurements(folder)


def again_from_measurements(folder: Path) -> None:
    """The claims, computed again from the children's files alone, are those that were recorded."""
    again = []
    for lines in journals_of(folder).values():
        if lines[0]["parent"]:
            files = folder / f"{lines[0]['key'].split('.')[-1]}.files"
            config = TinyConfig(**json.loads((files / "config.json").read_text()))
            trial = Trial(lines[0]["tags"]["lab.variant"], config, int(lines[0]["tags"]["lab.seed"]))
            measured = {k: as_number(v) for k, v in json.loads((files / "measurements.json").read_text()).items()}
            again.append(Result(trial, lines[0]["key"], "FINISHED", measured))
    claims = judge_all(LAB.claims, Results(again), "tiny")
    assert json_bytes(claims) == (folder / "run.files" / "claims.json").read_bytes()
    assert {c["id"]: c["verdict"] for c in claims}["capped/infinite"] == "holds"


def as_number(value: Any) -> Any:
    return float(value) if value in ("inf", "-inf", "nan") else value


def test_a_failed_trial_leaves_the_others_and_their_claims(clone: Clone) -> None:
    ended = clone.tiny(seeds=2, action="fail-slow")
    assert ended.code == 1, ended
    assert ended.err == ""
    folder = clone.newest()
    assert sorted(statuses(folder)) == ["FAILED"] * 3 + ["FINISHED"] * 2
    assert len(digests(folder)) == 2
    warnings = [line for line in ended.out.splitlines() if "Warning" in line]
    assert len(warnings) == 2, "one for the trials, one for MLflow"
    assert "2 failed, the first one slow, seed 0: ValueError: the trial fails on purpose (" in warnings[0]
    assert "Traceback" not in ended.out
    failed = [lines for lines in journals_of(folder).values() if lines[0]["tags"]["lab.variant"] == "slow"]
    assert all("ValueError" in lines[-1]["tags"]["lab.error"] for lines in failed)
    assert "the trial fails on purpose" in next(folder.glob("trial-*.files/traceback.txt")).read_text()
    claims = {c["id"]: c for c in json.loads((folder / "run.files" / "claims.json").read_text())}
    assert claims["fast-is-better"]["verdict"] == "not measured"
    assert "no finished trial of variant 'slow'" in claims["fast-is-better/loss"]["note"]
    assert claims["fast-is-better/zero"]["verdict"] == "holds"
    assert claims["capped/infinite"]["seeds"] == 2


def test_a_trial_may_say_what_is_wrong_in_its_own_words(clone: Clone) -> None:
    ended = clone.tiny(seeds=1, action="say")
    assert ended.code == 1
    assert "2 failed, the first one fast, seed 0: action=say: choose another" in ended.out
    assert statuses(clone.newest()) == ["FAILED"] * 3


def test_a_framework_that_the_runtime_does_not_name_is_refused(clone: Clone) -> None:
    ended = clone.tiny("--workers", "1", seeds=1, action="stray")
    assert ended.code == 1
    assert "a trial with runtime 'numpy' has loaded torch" in ended.out
    assert statuses(clone.newest()) == ["FAILED"] * 3


def test_a_trial_that_calls_exit_has_failed(clone: Clone) -> None:
    ended = clone.tiny("--workers", "1", seeds=2, action="exit")
    assert ended.code == 1, ended
    assert "4 failed, the first one fast, seed 0: the trial ended its process (sys.exit(0))" in ended.out
    assert statuses(clone.newest()) == ["FAILED"] * 5
    assert "SystemExit" in next(clone.newest().glob("trial-*.files/traceback.txt")).read_text()


def test_a_trial_that_interrupts_itself_has_failed(clone: Clone) -> None:
    """Nobody has pressed Ctrl-C: the lab goes on."""
    ended = clone.tiny("--workers", "1", seeds=1, action="interrupt")
    assert ended.code == 1, ended
    assert "2 failed, the first one fast, seed 0: KeyboardInterrupt" in ended.out
    assert statuses(clone.newest()) == ["FAILED"] * 3


def test_a_study_that_calls_exit_has_failed(clone: Clone) -> None:
    ended = clone.tiny(seeds=1, action="exit-study")
    assert ended.code == 0, "its trials had ended"
    assert "the study failed: SystemExit: 0" in ended.out
    assert statuses(clone.newest()) == ["FINISHED"] * 3


def test_a_study_that_breaks_off_keeps_what_it_has(clone: Clone) -> None:
    ended = clone.tiny(seeds=2, action="break")
    assert ended.code == 0
    assert ended.err == ""
    assert "the study failed: LookupError: no trial of the grid has a finite score" in ended.out
    assert "study" in (clone.newest() / "run.files" / "traceback.txt").read_text()
    assert statuses(clone.newest()) == ["FINISHED"] * 5


@pytest.mark.parametrize("snapshot", [False, True])
def test_an_edit_is_said_where_the_code_is_no_snapshot(clone: Clone, snapshot: bool) -> None:
    """Of a snapshot another copy was edited, not this one; the edit here stands for nothing that ran."""
    if snapshot:
        clone.variables["LAB_CODE_SNAPSHOT"] = "1"
    process = clone.start("tiny", "--workers", "1", *said({"seeds": 1, "action": "sleep"}))
    until(lambda: list(clone.journals.glob("*/trial-*.jsonl")), what="the first trial")
    lab = clone.root / "lib" / "testlabs" / "tiny.py"
    lab.write_text(lab.read_text() + "\n# edited\n")
    ended = end_of(process)
    assert ended.code == 0
    assert ("was edited while it ran" in ended.err + ended.out) is not snapshot


def test_a_killed_worker_names_the_memory_that_a_container_has(clone: Clone) -> None:
    clone.variables["LAB_MEMORY"] = "3g"
    ended = end_of(clone.start("tiny", "--workers", "1", *said({"seeds": 1, "action": "die"})))
    ended.assert_one_line(2, "A worker was killed", "raise LAB_MEMORY (it is 3g)")


ENDED = """
import os, runpy, signal, sys
from lib.harness.recording.disk import LocalDisk

close = LocalDisk.close

def closed(self, descriptor):
    path = os.readlink(f"/proc/self/fd/{descriptor}")
    close(self, descriptor)
    if path.endswith("/run.jsonl"):
        os.kill(os.getpid(), signal.SIGTERM)

LocalDisk.close = closed
runpy.run_module("lib", run_name="__main__", alter_sys=True)
"""


def test_a_lab_that_is_ended_as_it_has_written_its_end_is_interrupted_and_finished(clone: Clone) -> None:
    command = [sys.executable, "-c", ENDED, "tiny", "--workers", "1", *said({"seeds": 1})]
    done = subprocess.run(command, cwd=clone.root, env=clone.environment(), capture_output=True, text=True, check=False)
    Ended(done.returncode, done.stdout, done.stderr).assert_one_line(130, "Interrupted")
    assert "--resume" not in done.stderr, "there is nothing left to run"
    assert statuses(clone.newest()) == ["FINISHED"] * 3


def test_a_killed_worker_ends_the_lab_in_one_line(clone: Clone) -> None:
    process = clone.start("tiny", "--workers", "1", *said({"seeds": 2, "action": "die"}))
    ended = end_of(process)
    ended.assert_one_line(2, "A worker was killed", "slow, seed 0", "--workers 1", "LAB_MEMORY,")
    folder = clone.newest()
    assert statuses(folder) == ["FAILED", "FINISHED", "FAILED"]
    died = records(folder / "trial-0001.jsonl")
    assert [line["record"].get("step") for line in died if line["kind"] == "log"] == [0, *range(20)]


@pytest.mark.parametrize(("number", "to_all"), [(signal.SIGINT, True), (signal.SIGTERM, False)])
def test_an_interrupted_lab_ends_at_once(clone: Clone, number: signal.Signals, to_all: bool) -> None:
    """Ctrl-C in a terminal reaches every process of the group; a container's engine tells only the first."""
    process = clone.start("tiny", *said({"seeds": 4, "steps": 1000, "action": "sleep"}))
    until(lambda: clone.runs() and list(clone.newest().glob("trial-*.jsonl")), what="a trial has begun")
    processes = descendants(process)
    assert processes
    (os.killpg if to_all else os.kill)(process.pid, number)
    ended = end_of(process)
    ended.assert_one_line(130, "Interrupted", "KILLED")
    assert set(statuses(clone.newest())) == {"KILLED"}
    until(lambda: not living(processes), 60, "no process is left")


def test_a_lab_that_is_interrupted_while_it_loads_says_no_more(clone: Clone) -> None:
    """Workers that are just starting must not answer Ctrl-C with tracebacks of their own."""
    process = clone.start("tiny")
    until(
        lambda: any("loky" in word for child in descendants(process) for word in command_of(child)),
        what="a worker starts",
    )
    processes = descendants(process)
    os.killpg(process.pid, signal.SIGINT)
    end_of(process).assert_one_line(130, "Interrupted")
    until(lambda: not living(processes), 60, "no process is left")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["tinny"], ["no lab 'tinny'", "Nearest: tiny", "./invoke labs"]),
        (["tiny", "--set", "lerning_rate=1"], ["no field 'lerning_rate'", "nearest: learning_rate"]),
        (["tiny", "--set", "learning_rate=7"], ["learning_rate=7", "> 0, <= 1"]),
        (["tiny", "--set", "learning_rate"], ["--set KEY=VALUE"]),
        (["tiny", "--framework", "jax"], ["--framework jax", "torch or keras"]),
        (["tiny", "--seeds", "0"], ["--seeds 0", "at least 1"]),
        (["tiny", "--seed", "-1"], ["--seed -1", "at least 0"]),
        (["tiny", "--workers", "many"], ["--workers many", "at least 1"]),
        (["tiny", "--qick"], ["--qick", "--help"]),
        ([], ["name", "--help"]),
        (["claims", "--expect", "nowhere.json"], ["--expect nowhere.json", "./invoke claims --json"]),
    ],
)
def test_bad_input_is_one_line(clone: Clone, words: list[str], expected: list[str]) -> None:
    clone.run(*words).assert_one_line(2, *expected)
    assert clone.runs() == []


@pytest.mark.parametrize(
    ("action", "words"),
    [("ask-nothing", ["the study asks for no trial"]), ("ask-twice", ["variant 'fast' with seed 0 twice"])],
)
def test_a_study_that_cannot_begin_is_one_line_and_leaves_nothing(clone: Clone, action: str, words: list[str]) -> None:
    clone.tiny(seeds=1, action=action).assert_one_line(2, *words)
    assert clone.runs() == []


def test_a_name_that_mlflow_refuses_ends_the_lab_in_one_line(clone: Clone) -> None:
    clone.tiny(seeds=1, action="misname").assert_one_line(2, "fast, seed 0", "MLflow would refuse the name 'loss@10'")
    assert json.loads((clone.newest() / "run.jsonl").read_text().splitlines()[-1])["status"] == "FAILED"


def test_no_folder_for_the_journal_is_one_line(clone: Clone) -> None:
    clone.journals = clone.journals / "missing"
    clone.tiny().assert_one_line(2, str(clone.journals), "LAB_JOURNAL")


def test_a_full_disk_ends_the_lab_in_one_line_and_a_sync_closes_its_runs(
    clone: Clone, small_disk: Path, tmp_path: Path
) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 500_000)
    clone.journals = small_disk
    ended = clone.tiny("--workers", "1", seeds=1, steps=100_000)
    ended.assert_one_line(2, "disk of the journal", str(small_disk), "full", "Make room")
    folder = clone.newest()
    trial = folder / "trial-0000.jsonl"
    lines = records(trial)
    steps = [line["record"]["step"] for line in lines[2:] if line["kind"] == "log"]
    assert steps == list(range(len(steps))), "whole, in order"
    assert steps

    clone.tracking = f"sqlite:///{tmp_path}/mlflow.db"
    clone.variables["LAB_ARTIFACTS"] = str(tmp_path / "artifacts")
    ended = clone.run("sync")
    if ended.code:  # where the line that closes the trial does not fit into the room that half a record has left
        ended.assert_one_line(2, "disk of the journal", "full")
    else:
        assert "Sent 1 lab run with all trials" in ended.out
    assert records(trial)[: len(lines)] == lines
    ballast.unlink()
    ended = clone.run("sync")
    assert (ended.code, ended.err) == (0, ""), ended
    assert "Sent 1 lab run with all trials" in ended.out
    assert statuses(folder) == ["FAILED", "FAILED"]
    assert records(trial)[: len(lines)] == lines


def test_help_lists_every_option(clone: Clone) -> None:
    ended = clone.run("--help")
    assert ended.code == 0
    options = ("--quick", "--seeds", "--seed", "--set", "--framework", "--portable", "--workers", "--json", "--expect")
    for option in options:
        assert option in ended.out


def test_two_labs_at_once_keep_to_themselves(clone: Clone) -> None:
    first, second = (clone.start("tiny", *said({"seeds": 1})) for _ in range(2))
    assert (end_of(first).code, end_of(second).code) == (0, 0)
    folders = [path.parent for path in clone.runs()]
    assert len(folders) == 2
    assert digests(folders[0]) == digests(folders[1])
    assert [statuses(folder) for folder in folders] == [["FINISHED"] * 3] * 2
