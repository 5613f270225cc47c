"""`sweep` and `--config` on the host: what is said reaches the container, and `reproduce` says a sweep again."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from host.command.lab import lab_arguments, sweep_arguments
from host.engine import images
from host.machine import instance
from host.records import reproduce
from host.records.recorded_image import Choice
from lib.harness.errors import UserError
from lib.harness.recording import provenance
from tests.host.options import given


def test_the_options_of_a_sweep_are_passed_on() -> None:
    options = {
        "trials": "30", "sampler": "random", "pruner": "none", "space": ["epochs=1:9", "batch_size=32,64"],
        "batch": "8", "fresh": "0", "quick": True, "seed": "3", "set": ["pictures=900"], "framework": "keras",
        "workers": "2",
    }  # fmt: skip
    assert sweep_arguments(given("sweep", "lenet", **options)) == [
        "sweep", "lenet", "--quick", "--seed", "3", "--set", "pictures=900", "--framework", "keras",
        "--trials", "30", "--sampler", "random", "--pruner", "none",
        "--space", "epochs=1:9", "--space", "batch_size=32,64", "--batch", "8", "--fresh", "0", "--workers", "2",
    ]  # fmt: skip
    assert sweep_arguments(given("sweep", "lenet", trials="1", on="local")) == ["sweep", "lenet", "--trials", "1"]


def test_a_sweep_is_resumed_by_its_name_alone() -> None:
    resumed = given("sweep", "lenet", resume="last:lenet", on="ray")
    assert sweep_arguments(resumed) == ["sweep", "lenet", "--on", "ray", "--resume", "last:lenet"]


def test_a_lab_runs_with_what_a_sweep_has_found() -> None:
    assert lab_arguments(given("lab", "lenet", quick=True, config="best")) == ["lenet", "--quick", "--config", "best"]


def test_trials_at_a_time_are_limited_however_a_run_begins() -> None:
    assert lab_arguments(given("lab", "lenet", workers="1")) == ["lenet", "--workers", "1"]
    again = lab_arguments(given("lab", "lenet", resume="last:lenet", workers="2"))
    assert again == ["lenet", "--workers", "2", "--resume", "last:lenet"]
    searched = sweep_arguments(given("sweep", "lenet", trials="3", workers="2"))
    assert searched == ["sweep", "lenet", "--trials", "3", "--workers", "2"]


@pytest.mark.usefixtures("without_rooms")
def test_a_sweep_is_reproduced_as_a_sweep(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    called: list[list[str]] = []

    def in_container(said: list[str], **_: Any) -> int:
        called.append(said)
        return 0

    archive = base64.b64encode(provenance.archive({"lib/__init__.py": b""})).decode()
    again = ["lenet", "--trials", "3", "--space", "shift=0:3"]
    tags = {"lab.name": "lenet-sweep", "lab.seed": "3", "lab.code_sha256": "c" * 64, "lab.sweep": json.dumps(again)}
    record = {"key": "key", "tags": tags, "config": {"epochs": 2}, "archives": {"code": archive}}
    monkeypatch.setattr(reproduce, "in_container", in_container)
    monkeypatch.setattr(instance, "STATE", tmp_path)
    monkeypatch.setattr(reproduce, "_record", lambda said: record)
    monkeypatch.setattr(reproduce, "choose", lambda *_: Choice(images.Built("sha256:i", "kind", 0, {})))
    assert reproduce.reproduce("key") == 0
    assert called == [["sweep", *again, "--seed", "3", "--set", "epochs=2"], ["compare", "key"]]


@pytest.mark.parametrize(
    "tags",
    [{"lab.name": "--help"}, {"lab.name": "a b"}, *({"lab.sweep": text} for text in ("{", "3", "[]", "[1]", '["-x"]'))],
)
def test_a_record_that_names_no_lab_is_one_line(tags: dict[str, str]) -> None:
    """Somebody else may have written it; an option in the place of a name would be obeyed."""
    with pytest.raises(UserError, match=r"^KEY: its tags name no lab to run"):
        reproduce._named("KEY", {"lab.name": "mlp", **tags})
