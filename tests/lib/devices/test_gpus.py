"""What a run on GPUs records and how it shares them, with a stand-in for NVML: the tests' machines have no GPU."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from lib.harness.errors import UserError
from lib.harness.machine import gpus, scope
from lib.harness.recording.journal import Journal
from lib.harness.running import gpu_samples
from lib.harness.running.pool import Workers
from tests.lib.harness.conftest import clone, clone_root  # noqa: F401
from tests.lib.harness.support import Clone, journals_of, records, until

NVML = Path(__file__).with_name("nvml")
LABEL = "NVIDIA H100, driver 580.65.06"


@pytest.fixture(autouse=True)
def _nvml(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(NVML))
    monkeypatch.setenv("LAB_GPU_FRAMEWORK", "torch")
    monkeypatch.setenv(gpus.ENABLED, "")  # so that it is put back after `enable`
    monkeypatch.delenv(gpus.ENABLED)
    gpus.listed.cache_clear()


def test_a_run_without_says_none_and_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NVML_MISSING", "1")
    assert gpus.label("torch") == "none"
    assert gpus.facts() is None
    assert gpus.shares(4) == []
    assert gpus.worker_limit(64) == 64


def test_an_image_for_cpus_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAB_GPU_FRAMEWORK")
    with pytest.raises(UserError, match=r"--gpu: this image computes on the CPU only"):
        gpus.enable()


def test_a_container_without_gpus_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NVML_MISSING", "1")
    with pytest.raises(
        UserError, match=r"--gpu: no GPU is visible in this container \(NVML Shared Library Not Found\)"
    ):
        gpus.enable()
    assert gpus.ENABLED not in os.environ


def test_the_gpus_of_the_first_ones_model_share_the_trials() -> None:
    gpus.enable()
    assert gpus.shares(5) == ["GPU-a", "GPU-b", "GPU-a", "GPU-b", "GPU-a"]
    assert gpus.worker_limit(64) == 4, "5 GiB have room for two workers of 2 GiB each"
    assert gpus.worker_limit(3) == 3
    assert gpus.label("torch") == LABEL
    assert gpus.label("keras") == gpus.label("numpy") == "none"
    facts = gpus.facts()
    assert facts is not None
    assert facts["driver"] == "580.65.06"
    assert [device["name"] for device in facts["devices"]] == ["NVIDIA H100", "NVIDIA H100"]


def test_each_worker_sees_one_gpu_and_without_gpus_none(tmp_path: Path) -> None:
    def seen(here: Path) -> tuple[int, str]:
        """The process and its GPU, once two processes have asked: so each of the two takes some of the calls."""
        (here / str(os.getpid())).touch()
        until(lambda: len(list(here.iterdir())) >= 2, 120, "both workers have been called")
        return os.getpid(), os.environ["CUDA_VISIBLE_DEVICES"]

    def of_two(name: str) -> set[tuple[int, str]]:
        here = tmp_path / name
        here.mkdir()
        with Workers(2) as workers:
            workers.log = tmp_path / "workers.log"
            return set(workers.call(seen, [(here,)] * 8))

    assert {gpu for _, gpu in of_two("without")} == {""}
    gpus.enable()
    found = of_two("with")
    assert len(found) == len({process for process, _ in found}) == 2
    assert {gpu for _, gpu in found} == {"GPU-a", "GPU-b"}


def test_use_and_memory_are_recorded_while_the_trials_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_samples, "SAMPLE_SECONDS", 0.01)
    gpus.enable()
    file = tmp_path / "run.jsonl"
    journal = Journal.create(file, {"key": "run"})
    with gpu_samples.sampled(journal):
        until(lambda: file.read_bytes().count(b'"timing"') > 1, what="two samples are recorded")
    journal.end("FINISHED")
    samples = [record for record in records(file) if record["kind"] == "timing"]
    assert [record["step"] for record in samples] == list(range(len(samples)))
    assert len(samples) > 1
    assert samples[0]["values"] == {
        "system/gpu_0_memory_usage_megabytes": 1000.0,
        "system/gpu_0_memory_usage_percentage": pytest.approx(100e9 / (5 << 30)),
        "system/gpu_0_utilization_percentage": 10.0,
        "system/gpu_1_memory_usage_megabytes": 2000.0,
        "system/gpu_1_memory_usage_percentage": pytest.approx(200e9 / (5 << 30)),
        "system/gpu_1_utilization_percentage": 20.0,
    }


def test_a_gpu_that_does_not_say_its_use_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NVML_NO_RATES", "1")
    gpus.enable()
    journal = Journal.create(tmp_path / "run.jsonl", {"key": "run"})
    with gpu_samples.sampled(journal):
        pass
    journal.end("FINISHED")
    (said,) = [record["tags"] for record in records(tmp_path / "run.jsonl") if record["kind"] == "tags"]
    assert said == {"lab.gpu_metrics": "none: Not Supported"}


def test_a_lab_on_gpus(clone: Clone) -> None:  # noqa: F811
    """The command itself; `numpy` stands for the framework that computes there."""
    clone.variables |= {"LAB_GPU_FRAMEWORK": "numpy", "PYTHONPATH": str(NVML)}
    ran = clone.tiny("--gpu", "--seeds", "2", steps=2)
    assert ran.code == 0, ran
    folder = clone.newest()
    (parent, *trials) = (lines[0] for lines in journals_of(folder).values() if lines[0]["kind"] == "run")
    for header in trials:
        assert header["tags"]["lab.gpu"] == LABEL
        assert header["tags"]["lab.scope"] == "device"
    assert parent["tags"]["lab.gpu"] == "none", "its config's framework is torch"
    ended = records(folder / "run.jsonl")[-1]["tags"]
    assert ended["lab.scope"] == scope.lowest(["device", "machine"]) == "device"
    environment = json.loads((folder / "run.files" / "environment.json").read_text(encoding="utf-8"))
    assert environment["gpu"]["driver"] == "580.65.06"
    system = [r for r in records(folder / "run.jsonl") if r["kind"] == "timing" and "system/gpu_0" in str(r["values"])]
    assert system


@pytest.mark.parametrize(
    ("words", "variables", "said"),
    [
        (["--gpu"], {}, "this image computes on the CPU only"),
        (["--gpu"], {"LAB_GPU_FRAMEWORK": "torch", "NVML_MISSING": "1"}, "no GPU is visible in this container"),
        (["--gpu", "--portable"], {"LAB_GPU_FRAMEWORK": "torch"}, "--gpu and --portable cannot be combined"),
    ],
)
def test_refused_in_one_line(clone: Clone, words: list[str], variables: dict[str, str], said: str) -> None:  # noqa: F811
    clone.variables |= {"PYTHONPATH": str(NVML), **variables}
    clone.tiny(*words).assert_one_line(2, said)
    assert clone.runs() == []
