"""Comparing runs: on records made up so that the answer is known, and on real ones in a real MLflow."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mlflow import MlflowClient

from lib.harness.commands.sweep import Sweep
from lib.harness.comparing import comparison, from_journals, from_mlflow
from lib.harness.contract.search import Choices, Range
from lib.harness.errors import UserError
from lib.harness.recording.trace import (
    canonical,
    measurements_record,
)
from lib.harness.shipping.server import ServerAwayError, server_errors
from tests.lib.harness.memory import CODE, ENVIRONMENT, SAME, record, trace
from tests.lib.harness.support import NOWHERE, Clone, Server, said, tags_of


def test_equal_runs_are_identical_and_every_value_is_counted() -> None:
    result = comparison.compare(record(SAME), record(dict(SAME)))
    assert result.identical
    assert (result.trials, result.values) == (2, 2 * (3 * 2 + 6 + 3))
    assert str(result) == "identical (2 trials, 30 values)"


@pytest.mark.parametrize(
    ("other", "text"),
    [
        (trace([1.0, 0.5000000000000001, 0.25]), "first from step 1 of trial adam, seed 3: loss"),
        (trace([1.0, 0.5, 0.25], w=np.full((2, 3), 1e-300)), "first from the end of trial adam, seed 3: w"),
        (trace([1.0, 0.5, 0.25], accuracy=0.6), "first from the end of trial adam, seed 3: accuracy"),
        (trace([1.0, 0.5]), "first from step 2 of trial adam, seed 3: what was logged"),
        (trace([1.0, 0.5, 0.25])[:2], "one run stops here"),
    ],
)
def test_the_first_difference_is_named(other: list[str], text: str) -> None:
    result = comparison.compare(record(SAME), record({**SAME, ("adam", 3): other}))
    assert not result.identical
    assert text in str(result)
    assert "1 of 2 trials" in str(result)


def test_a_trial_that_one_run_lacks_is_a_difference() -> None:
    more = record({**SAME, ("lion", 0): trace([1.0])})
    for pair in ((record(SAME), more), (more, record(SAME))):
        result = comparison.compare(*pair)
        assert not result.identical
        assert "lion, seed 0" in str(result)


def test_negative_zero_and_nan_are_compared_by_their_bits() -> None:
    assert not comparison.compare(record({("a", 0): trace([0.0])}), record({("a", 0): trace([-0.0])})).identical
    nan = {("a", 0): trace([float("nan")])}
    assert comparison.compare(record(nan), record(dict(nan))).identical


def test_what_can_change_bits_is_named() -> None:
    assert comparison.causes(record(SAME), record(SAME)) == []
    assert comparison.causes(record(SAME), record(SAME, tags={"lab.cpu": "another", "lab.lock_sha256": "x"})) == [
        "the lock",
        "the CPU model",
    ]


def test_two_images_of_one_content_are_no_difference() -> None:
    one = record(SAME, tags={"lab.image": "sha256:1", "lab.image_content": "a"})
    other = record(SAME, tags={"lab.image": "sha256:2", "lab.image_content": "a"})
    another = record(SAME, tags={"lab.image": "sha256:2", "lab.image_content": "b"})
    assert comparison.causes(one, other) == []
    assert comparison.causes(one, another) == ["the image"]


def test_the_code_paths_are_a_cause_and_old_records_had_the_usual_ones() -> None:
    one = record(SAME, tags={"lab.portable": "false", "lab.scope": "machine"})
    other = record(SAME, tags={"lab.portable": "true", "lab.scope": "portable:intel"})
    assert comparison.causes(one, other) == ["the code paths (--portable)"]
    text = "\n".join(comparison.described(one, other, comparison.compare(one, other)))
    assert "  --portable: false -> true" in text
    assert "  scope: machine -> portable:intel" in text
    old = record(SAME)
    old = replace(old, tags={k: v for k, v in old.tags.items() if k != "lab.portable"})
    assert comparison.causes(one, old) == []
    assert comparison.causes(old, other) == ["the code paths (--portable)"]


def test_all_that_differs_is_described() -> None:
    one = record(SAME)
    changed = record(
        {**SAME, ("adam", 3): trace([2.0])},
        code={**CODE, "lib/a.py": b"x = 2\n"},
        config={"epochs": 5, "batch": 32},
        environment={**ENVIRONMENT, "packages": {"numpy": "2.1"}},
        tags={"lab.seed": "1", "lab.data_sha256": "other"},
    )
    text = "\n".join(comparison.described(one, changed, comparison.compare(one, changed)))
    for line in ("  -x = 1", "  +x = 2", "  epochs: 3 -> 5", '  root seed: "0" -> "1"', "  numpy: 2.0 -> 2.1"):
        assert line in text
    for line in ("  torch: 2.13 -> not there", "  same -> other", "results: differs in 1 of 2 trials"):
        assert line in text
    assert "y = 2" not in text
    assert "batch" not in text, "no trial depends on it"


def test_what_a_sweep_was_asked_is_a_part_of_its_config() -> None:
    words = Sweep(12, batch=2).words("tiny", {"steps": Range(10, 20), "text": Choices(("a", "b"))})
    others = Sweep(14, sampler="random", batch=2).words("tiny", {"steps": Range(10, 20, step=5)})
    one, other = (record(SAME, tags={"lab.sweep": json.dumps(said)}) for said in (words, others))
    assert comparison.config_changes(one, one) == []
    assert comparison.config_changes(one, other) == [
        '--sampler: "tpe" -> "random"',
        '--trials: "12" -> "14"',
        '--space steps: "10:20" -> "10:20:5"',
        '--space text: "a,b" -> null',
    ]
    assert '--batch: null -> "2"' in comparison.config_changes(record(SAME), one)


def test_a_mapping_that_looks_like_an_array_is_none() -> None:
    array = {"dtype": "<f8", "shape": [10**9], "sha256": "0"}
    line = canonical(measurements_record({"a": array}))
    assert comparison.compare(record({("a", 0): [line]}), record({("a", 0): [line]})).values == 3


@pytest.fixture
def tracked(clone: Clone, server: Server) -> Clone:
    clone.tracking = server.url
    return clone


def test_a_record_is_enough_to_run_it_again_and_the_verdict_is_kept(tracked: Clone, server: Server) -> None:
    assert tracked.run("tiny", "--quick", "--seed", "5", *said({"learning_rate": 0.3})).code == 0
    original = tracked.newest().name
    ended = tracked.run("record", original[:-2])
    assert (ended.code, ended.err) == (0, "")
    found = json.loads(ended.out)
    assert found["key"] == original

    tracked.variables["LAB_REPRODUCES"] = original
    assert tracked.run("tiny", "--seed", found["tags"]["lab.seed"], *said(found["config"])).code == 0
    again = tracked.newest().name
    del tracked.variables["LAB_REPRODUCES"]
    ended = tracked.run("compare", original)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("identical (4 trials, ")
    runs = server.runs()
    assert tags_of(runs[again])["lab.reproduces"] == original
    assert tags_of(runs[again])["lab.reproduction"] == "identical"
    assert tags_of(runs[original])["lab.reproduced_by"] == again
    assert json.loads(tracked.run("record", "last:tiny").out)["key"] == original, "a reproduction is no original"

    assert tracked.run("tiny", "--quick", "--seed", "6").code == 0
    ended = tracked.run("diff", original, tracked.newest().name)
    assert ended.code == 1
    assert "learning_rate: 0.3 -> 0.1" in ended.out
    assert 'root seed: "5" -> "6"' in ended.out
    assert "results: differs in 4 of 4 trials, first from step 0 of trial fast, seed 0: loss" in ended.out
    as_json = json.loads(tracked.run("diff", original, tracked.newest().name, "--json").out)
    assert as_json["runs"] == [original, tracked.newest().name]
    assert as_json["identical"] is False
    assert "\n".join([*as_json["runs"], *as_json["lines"]]) == ended.out.rstrip("\n")
    assert tracked.run("diff", original, again).code == 0


def test_journals_and_mlflow_have_the_same_record(tracked: Clone, server: Server) -> None:
    assert tracked.run("tiny", "--quick").code == 0
    one = from_journals.read(tracked.newest())
    assert one is not None
    client = MlflowClient(server.url)
    other = from_mlflow.read(client, from_mlflow.find(client, one.key))
    assert comparison.compare(one, other).identical
    for name in ("key", "params", "status", "time", "page", "config", "environment", "claims", "code", "recipe"):
        assert getattr(one, name) == getattr(other, name), name
    assert one.tags.items() <= other.tags.items()
    assert [child.digest for child in one.require_whole().children.values()] == [
        child.digest for child in other.children.values()
    ]


def test_a_run_is_found_behind_any_number_of_trials(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of 2 runs in a real store: a parent is older than its trials, so it is on the last page."""
    monkeypatch.setattr(from_mlflow, "PAGE", 2)
    client = MlflowClient(server.url)
    for number in range(3):
        client.create_experiment(f"other{number}")
    experiment = client.create_experiment("many")
    keys = ["20990101-000000-many-aaaaaa", "20990101-000001-many-bbbbbb", "20990101-000002-many-cccccc"]
    ids = {}
    for start, key in enumerate(keys, start=1):
        again = {"lab.reproduces": keys[0]} if key == keys[2] else {}
        own = {"lab.run": key, "lab.variant": "all", **again}
        ids[key] = client.create_run(experiment, start_time=100 * start, tags=own).info.run_id
        for number in range(7):
            trial = {
                "lab.run": f"{key}.trial-{number:04d}",
                "lab.variant": "all",  # as a lab may call a variant
                "mlflow.parentRunId": ids[key],
                **again,
            }
            child = client.create_run(experiment, start_time=100 * start + 1 + number, tags=trial)
            client.set_terminated(child.info.run_id)
        client.set_terminated(ids[key])

    for key in keys:
        for name in (key, key[:-3], f"{key}.trial-0005", ids[key], ids[key][:12]):
            assert from_mlflow.find(client, name).info.run_id == ids[key], name
        assert len(list(from_mlflow.child_runs(client, from_mlflow.find(client, key)))) == 7
    assert from_mlflow.find(client, "last:many").info.run_id == ids[keys[1]], "a reproduction is no original"
    original = record(SAME, tags={"lab.name": "many"})
    assert from_mlflow.reproduction_of(client, replace(original, key=keys[0])).info.run_id == ids[keys[2]]
    assert [run.info.run_id for run in from_mlflow.all_of(client, "many")] == list(ids.values())
    with pytest.raises(UserError, match="3 runs begin with it"):
        from_mlflow.find(client, "20990101")


@pytest.mark.slow
def test_a_file_is_missing_only_where_mlflow_says_so(
    tracked: Clone, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    assert tracked.run("tiny", "--quick").code == 0
    assert tracked.run("sync").code == 0  # on a busy machine the run may not have waited for MLflow
    client = MlflowClient(server.url)
    run = from_mlflow.find(client, tracked.newest().name)
    assert from_mlflow._artifact(client, run, "nowhere/config.json") is None
    assert from_mlflow._artifact(client, run, "nothing.json") is None
    assert from_mlflow._artifact(client, run, "config.json") is not None
    with pytest.raises(ServerAwayError), server_errors():
        from_mlflow._artifact(MlflowClient(NOWHERE), run, "config.json")


@pytest.mark.slow
def test_a_run_below_another_one_that_is_no_trial_is_left_out_with_a_warning(tracked: Clone, server: Server) -> None:
    """As somebody makes it by MLflow's client, with the id of the parent at hand."""
    assert tracked.run("tiny", "--quick").code == 0
    assert tracked.run("sync").code == 0  # on a busy machine the run may not have waited for MLflow
    key = tracked.newest().name
    client = MlflowClient(server.url)
    parent = from_mlflow.find(client, key).info
    other = client.create_run(parent.experiment_id, tags={"mlflow.parentRunId": parent.run_id}).info.run_id
    try:
        ended = tracked.run("record", key)
        warning = f"Warning: {key}: the run {other} below it in MLflow has no tag lab.run: it is left out\n"
        assert (ended.code, ended.err) == (0, warning), ended
        assert json.loads(ended.out)["key"] == key
    finally:
        client.delete_run(other)


def test_a_reproduction_that_its_own_program_has_not_sent_is_sent_first(tracked: Clone, server: Server) -> None:
    """As that of an older version, which stops at journals that it does not know."""
    assert tracked.run("tiny", "--quick").code == 0
    original = tracked.newest().name
    tracked.variables["LAB_REPRODUCES"] = original
    tracked.tracking = NOWHERE
    assert tracked.run("tiny", "--quick").code == 0
    again = tracked.newest().name
    assert again not in server.runs()
    tracked.tracking = server.url
    ended = tracked.run("compare", original)
    assert (ended.code, ended.err) == (0, ""), ended
    assert ended.out.startswith("identical (4 trials, ")
    assert server.runs()[again]["info"]["status"] == "FINISHED"


def test_a_reproduction_speaks_for_no_lab(clone: Clone) -> None:
    """Its code is the record's, whoever wrote that, and is not the lab of this clone."""
    clone.variables["LAB_REPRODUCES"] = "20200101-000000-tiny-00beef"
    assert clone.run("tiny", "--quick").code == 0
    del clone.variables["LAB_REPRODUCES"]
    again = clone.newest().name
    page = clone.run("report").out
    assert "not measured" in page
    assert again not in page
    assert clone.run("tiny", "--quick").code == 0
    page = clone.run("report").out
    assert clone.newest().name in page
    assert again not in page


@pytest.mark.slow
def test_a_reproduction_that_could_not_measure_a_claim_differs(tracked: Clone, server: Server) -> None:
    assert tracked.run("tiny", "--quick").code == 0
    original = tracked.newest().name
    tracked.variables["LAB_REPRODUCES"] = original
    assert tracked.run("tiny", "--quick", *said({"action": "fail-slow"})).code == 1
    again = tracked.newest().name
    ended = tracked.run("compare", original)
    assert (ended.code, ended.err) == (1, ""), ended
    assert ended.out.startswith("differs in 2 of 4 trials")
    assert server.runs()[again]["info"]["status"] == "FAILED"
    assert tags_of(server.runs()[original])["lab.reproduced_by"] == again


def test_a_record_that_was_tampered_with_is_refused(tracked: Clone, server: Server) -> None:
    assert tracked.run("tiny", "--quick").code == 0
    folder = tracked.newest()
    run = server.runs()[folder.name]
    for name, words in (("code.tar.gz", "code.tar.gz is not what"), ("config.json", "config.json is missing")):
        (file,) = Path(server.folder, "artifacts").glob(f"*/{run['info']['run_id']}/artifacts/{name}")
        whole = file.read_bytes()
        if name == "config.json":
            file.unlink()
        else:
            other = next(p for p in Path(server.folder, "artifacts").glob("*/*/artifacts/code.tar.gz") if p != file)
            file.write_bytes(_with_another_file(other.read_bytes()))
        tracked.run("record", folder.name).assert_one_line(2, folder.name, words)
        file.write_bytes(whole)
    assert tracked.run("record", folder.name).code == 0


@pytest.mark.slow
def test_a_trial_whose_trace_and_digest_part_is_named_with_the_steps(tracked: Clone, server: Server) -> None:
    assert tracked.run("tiny", "--quick").code == 0
    key = tracked.newest().name
    trial = server.runs()[f"{key}.trial-0001"]
    name = f"trial {tags_of(trial)['lab.variant']}, seed {tags_of(trial)['lab.seed']}"
    (file,) = Path(server.folder, "artifacts").glob(f"*/{trial['info']['run_id']}/artifacts/trace.jsonl")
    whole = file.read_text()
    at = whole.index('{"step":13,')
    value = whole.index("0x1.", at) + 5
    file.write_text(f"{whole[:value]}{'1' if whole[value] != '1' else '2'}{whole[value + 1 :]}")
    tracked.run("record", key).assert_one_line(2, key, name, "lab.result_digest", ", from step 9 to 18:")
    file.write_text(whole)

    client = MlflowClient(server.url)
    client.set_tag(trial["info"]["run_id"], "lab.result_digest", "0" * 64)
    tracked.run("record", key).assert_one_line(2, key, name, "lab.result_digest says: the record is not whole")
    client.set_tag(trial["info"]["run_id"], "lab.result_digest", tags_of(trial)["lab.result_digest"])

    tracked.variables["LAB_REPRODUCES"] = key
    assert tracked.run("tiny", "--quick").code == 0
    assert tracked.run("compare", key).out.startswith("identical (4 trials, ")
    client.set_tag(server.runs()[key]["info"]["run_id"], "lab.data_sha256", "0" * 64)
    ended = tracked.run("compare", key)
    assert ended.code == 1
    assert ended.out.startswith(f"differs in the data: {'0' * 12} in the record, ")
    assert "results: identical (4 trials, " in ended.out


def _with_another_file(archive: bytes) -> bytes:
    raw = io.BytesIO(gzip.decompress(archive))
    with tarfile.open(fileobj=raw, mode="a") as tar:
        info = tarfile.TarInfo("lib/evil.py")
        tar.addfile(info, io.BytesIO(b""))
    return gzip.compress(raw.getvalue())


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["record", "20001231"], ["no such run", "./invoke sync"]),
        (["record", "last:nothing"], ["last:nothing", "./invoke labs"]),
        (["record", "it's"], ["last:NAME"]),
        (["record"], ["record takes 1 argument, but you gave 0"]),
        (["diff", "one"], ["diff takes 2 arguments, but you gave 1"]),
        (["tiny", "one"], ["tiny takes 0 arguments, but you gave 1"]),
    ],
)
def test_what_cannot_be_found_is_one_line(tracked: Clone, words: list[str], expected: list[str]) -> None:
    tracked.run(*words).assert_one_line(2, *expected)


def test_without_mlflow_it_is_one_line(clone: Clone) -> None:
    clone.run("record", "last:tiny").assert_one_line(2, "MLflow does not answer", "./invoke up")
