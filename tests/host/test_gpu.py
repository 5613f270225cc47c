"""`--gpu` on the host: what is missing is said in one line, with the remedy, before anything is built or started.

The driver and the engine are programs that say what such ones say: the machines of the tests have no GPU.
"""

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from host.checks import doctor
from host.command.lab import lab_arguments
from host.engine import build, docker, gpu, images
from host.machine import instance, nvidia
from host.records import reproduce
from host.records.recorded_image import Choice
from lib.harness.errors import UserError
from lib.harness.recording import provenance
from tests.host.clone import ROOT
from tests.host.conftest import NO_ENGINE, Invoke, one_line
from tests.host.options import given

Driver = Callable[..., dict[str, str]]
Engine = Callable[..., dict[str, str]]
TORCH, KERAS = images.GPU["torch"], images.GPU["keras"]
CARD = "NVIDIA RTX 4000 Ada Generation"


def use(monkeypatch: pytest.MonkeyPatch, *environments: dict[str, str]) -> None:
    for environment in environments:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)


def test_gpus_are_counted(fake_nvidia_smi: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, fake_nvidia_smi(CARD, "NVIDIA H100 80GB HBM3", driver="580.65.06"))
    assert nvidia.find() == nvidia.Gpus((CARD, "NVIDIA H100 80GB HBM3"), "580.65.06")


def test_a_driver_without_its_device_is_no_gpu(fake_nvidia_smi: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, fake_nvidia_smi())
    found = nvidia.find()
    assert found.names == ()
    assert "NVIDIA-SMI has failed" in found.reason


def test_no_driver_is_no_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert nvidia.find().reason == "there is no command nvidia-smi"


@pytest.mark.parametrize("command", [["lab", "optimizers"], ["up"]])
def test_without_a_gpu(invoke: Invoke, fake_nvidia_smi: Driver, command: list[str]) -> None:
    line = one_line(invoke(*command, "--gpu", env={**NO_ENGINE, **fake_nvidia_smi()}))
    assert line.startswith("--gpu: no NVIDIA GPU here")
    assert "run without --gpu" in line


@pytest.mark.parametrize(
    ("command", "driver", "needed"),
    [
        (["lab", "optimizers"], "575.57.08", "580.65.06"),
        (["lab", "optimizers", "--framework", "keras"], "520.61.05", "525.60.13"),
        (["lab", "optimizers", "--set", "framework=keras"], "520.61.05", "525.60.13"),
        (["lab", "tf2"], "520.61.05", "525.60.13"),
        (["lab", "lenet", "--resume", "last:lenet"], "575.57.08", "580.65.06"),
        (["lab", "lenet", "--resume", "last:lenet", "--framework", "keras"], "520.61.05", "525.60.13"),
        (["up"], "575.57.08", "580.65.06"),
        (["up", "--framework", "keras"], "520.61.05", "525.60.13"),
    ],
)
def test_with_a_driver_too_old_for_the_image(
    invoke: Invoke, fake_nvidia_smi: Driver, command: list[str], driver: str, needed: str
) -> None:
    line = one_line(invoke(*command, "--gpu", env={**NO_ENGINE, **fake_nvidia_smi(CARD, driver=driver)}))
    assert f"driver {driver} is too old" in line
    assert f"install {needed} or newer" in line


@pytest.mark.parametrize("command", [["lab", "optimizers"], ["up"]])
def test_without_the_container_toolkit(
    invoke: Invoke, fake_nvidia_smi: Driver, fake_engine: Engine, command: list[str]
) -> None:
    environment = {**fake_engine("27.1.0", {"Runtimes": {"runc": {}}}), **fake_nvidia_smi(CARD)}
    line = one_line(invoke(*command, "--gpu", env=environment))
    assert "nvidia-container-toolkit" in line
    assert "nvidia-ctk runtime configure" in line


def test_gpus_of_a_cluster_need_none_here(invoke: Invoke, fake_nvidia_smi: Driver) -> None:
    elsewhere = {"RAY_ADDRESS": "ray://example.com:10001"}
    line = one_line(invoke("lab", "lenet", "--gpu", "--on", "ray", env={**NO_ENGINE, **fake_nvidia_smi(), **elsewhere}))
    assert line.startswith("No Docker engine")


def test_without_an_engine_there_is_no_local_mode(invoke: Invoke, fake_nvidia_smi: Driver) -> None:
    line = one_line(invoke("lab", "optimizers", "--gpu", env={**NO_ENGINE, **fake_nvidia_smi(CARD)}))
    assert line.startswith("No Docker engine")
    assert "local" not in line


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["lab", "optimizers", "--gpu", "--local"], "--gpu and --local"),
        (["lab", "optimizers", "--gpu", "--portable"], "--gpu and --portable"),
        (["lab", "optimizers", "--gpu", "--on", "ray"], "--gpu --on ray"),
        (["up", "--gpu", "--framework", "jax"], "--framework jax: with --gpu it is torch or keras"),
        (["up", "--framework", "keras"], "--framework"),
    ],
)
def test_words_that_do_not_go_together(invoke: Invoke, command: list[str], said: str) -> None:
    assert one_line(invoke(*command, env=NO_ENGINE)).startswith(said)


def test_the_engine_offers_gpus_by_its_runtime_or_by_cdi(
    fake_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    specs = tmp_path / "cdi"
    specs.mkdir()
    answers = [
        ({"Runtimes": {"runc": {}, "nvidia": {"path": "nvidia-container-runtime"}}}, "nvidia"),
        ({"Runtimes": {"runc": {}}, "DiscoveredDevices": [{"Source": "cdi", "ID": "nvidia.com/gpu=all"}]}, "cdi"),
        ({"Runtimes": {"runc": {}}, "DiscoveredDevices": [{"Source": "cdi", "ID": "example.com/nic=0"}]}, None),
        ({"Runtimes": {"runc": {}}, "CDISpecDirs": [str(specs)]}, None),
    ]
    for i, (info, expected) in enumerate(answers):
        monkeypatch.setattr(docker, "call", lambda *_, said=info, **limits: _answer(said))
        assert gpu.offered() == expected, i
    (specs / "nvidia.yaml").write_text('cdiVersion: "0.5.0"\nkind: nvidia.com/gpu\ndevices: []\n', encoding="utf-8")
    assert gpu.offered() == "cdi"
    monkeypatch.undo()
    use(monkeypatch, fake_engine("27.1.0", answers[0][0]))
    assert gpu.offered() == "nvidia"


def _answer(said: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    return subprocess.CompletedProcess([], 0, stdout=json.dumps(said), stderr="")


def test_all_that_is_needed_is_there(
    fake_nvidia_smi: Driver, fake_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    info: dict[str, Any] = {"Runtimes": {"runc": {}, "nvidia": {}}}
    use(monkeypatch, fake_nvidia_smi(CARD, driver="570.86.15"), fake_engine("27.1.0", info))
    assert gpu.require(KERAS) == "nvidia"
    with pytest.raises(UserError, match=r"570\.86\.15 is too old for CUDA 13\.0 of lab-gpu-torch"):
        gpu.require(TORCH)


@pytest.mark.parametrize(
    ("lab", "framework", "changes", "image"),
    [
        ("optimizers", None, [], TORCH),
        ("optimizers", "keras", [], KERAS),
        ("optimizers", None, ["framework=keras", "seeds=5"], KERAS),
        ("gpt", None, [], TORCH),
        ("tf2", None, [], KERAS),
        ("hub", None, [], KERAS),
    ],
)
def test_the_image_follows_the_framework(
    lab: str, framework: str | None, changes: list[str], image: images.Image
) -> None:
    assert gpu.image_of(lab, framework, changes) == image


def test_the_option_reaches_the_container() -> None:
    assert lab_arguments(given("lab", "lenet", quick=True, gpu=True)) == ["lenet", "--quick", "--gpu"]


def test_a_framework_beside_resume_chooses_the_image_and_no_more() -> None:
    def resumed(framework: str, gpu: bool = True) -> list[str]:
        return lab_arguments(given("lab", "lenet", framework=framework, resume="last:lenet", gpu=gpu))

    assert resumed("keras") == ["lenet", "--gpu", "--resume", "last:lenet"]
    with pytest.raises(UserError, match="--framework jax: lenet runs with torch or keras"):
        resumed("jax")
    with pytest.raises(UserError, match="leave out --framework"):
        resumed("keras", gpu=False)


def test_doctor_says_what_gpu_needs_and_asks_for_none_of_it(
    fake_nvidia_smi: Driver, fake_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine_of_now = fake_engine("27.1.0", {"Runtimes": {"runc": {}}})
    use(monkeypatch, engine_of_now, fake_nvidia_smi(CARD, driver="570.86.15"))
    rows = {check.subject: check for check in doctor.checks()}
    assert rows["NVIDIA GPU"].found == f"1: {CARD}"
    assert rows["NVIDIA driver (torch)"].passed is None
    assert "580.65.06 or newer" in rows["NVIDIA driver (torch)"].found
    assert rows["NVIDIA driver (keras)"].passed is True
    assert rows["NVIDIA container toolkit"].passed is None
    assert rows["NVIDIA container toolkit"].remedy == gpu.INSTALL_TOOLKIT
    assert rows[TORCH.name].remedy == "./invoke build --gpu"


def test_doctor_on_a_machine_without(fake_nvidia_smi: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, NO_ENGINE, fake_nvidia_smi())
    (row,) = [check for check in doctor.checks() if "NVIDIA" in check.subject]
    assert row.passed is None
    assert row.found.startswith("none (")


@pytest.mark.usefixtures("without_rooms")
@pytest.mark.parametrize(("label", "expected"), [("NVIDIA H100, driver 580.65.06", True), ("none", False)])
def test_a_run_on_a_gpu_is_reproduced_on_one(
    label: str, expected: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    called: list[tuple[list[str], Any]] = []

    def in_container(said: list[str], *, gpu_image: images.Image | None = None, **_: Any) -> int:
        called.append((said, gpu_image))
        return 0

    archive = base64.b64encode(provenance.archive({"lib/__init__.py": b""})).decode()
    tags = {"lab.name": "lenet", "lab.seed": "3", "lab.code_sha256": "c" * 64, "lab.framework": "torch"}
    record = {"key": "key", "tags": {**tags, "lab.gpu": label}, "config": {}, "archives": {"code": archive}}
    monkeypatch.setattr(reproduce, "in_container", in_container)
    monkeypatch.setattr(instance, "STATE", tmp_path)
    monkeypatch.setattr(reproduce, "_record", lambda _: record)
    monkeypatch.setattr(reproduce, "choose", lambda *_: Choice(images.Built("sha256:i", "kind", 0, {})))
    monkeypatch.setattr(gpu, "require", lambda image: "nvidia")
    assert reproduce.reproduce("key") == 0
    assert ("--gpu" in called[0][0]) is expected
    assert called[0][1] == (TORCH if expected else None)


@pytest.mark.parametrize("image", [images.LAB, TORCH, KERAS], ids=lambda image: image.target)
def test_a_recorded_recipe_says_which_image_it_makes(image: images.Image, tmp_path: Path) -> None:
    lock = tmp_path / "docker" / "requirements" / image.lock
    lock.parent.mkdir(parents=True)
    lock.write_text("as it was", encoding="utf-8")
    assert build.of_recipe(tmp_path, hashlib.sha256(b"as it was").hexdigest()) == image
    with pytest.raises(UserError, match="no requirements"):
        build.of_recipe(tmp_path, "0" * 64)


@pytest.mark.usefixtures("real_engine")
@pytest.mark.parametrize(("way", "devices"), [("nvidia", "all"), ("cdi", "nvidia.com/gpu=all")])
def test_the_overlay_gives_labs_and_jupyter_the_gpus_and_changes_nothing_else(way: str, devices: str) -> None:
    def services(variables: dict[str, str]) -> dict[str, Any]:
        words = [
            "docker",
            "compose",
            "--project-directory",
            str(ROOT),
            "--profile",
            "*",
            "config",
            "--format",
            "json",
        ]
        environment = {**os.environ, **dict.fromkeys(("JUPYTER_TOKEN", *images.SETTINGS), "t"), **variables}
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
        found: dict[str, Any] = json.loads(done.stdout)["services"]
        return found

    before, after = services({}), services(gpu.variables(way, images.Built("sha256:gpu", "config digest", 0, {})))
    assert after["mlflow"] == before["mlflow"]
    for name in ("jupyter", "lab"):
        service = after[name]
        (device,) = service.pop("deploy")["resources"]["reservations"]["devices"]
        assert (device["driver"], device["device_ids"], device["capabilities"]) == (way, [devices], ["gpu"])
        assert service.pop("image") == "sha256:gpu"
        added = service["environment"].items() - before[name]["environment"].items()
        assert dict(added) == {
            "LAB_MEMORY": "16g",
            "NVIDIA_DRIVER_CAPABILITIES": "compute,utility",
            "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        }
        changed = {key for key in service if service[key] != before[name].get(key)}
        assert changed == {"environment", "mem_limit"}


LOCKED = re.compile(r"^([a-z0-9._-]+)(?:\[.*?\])?==(\S+)", re.MULTILINE)


@pytest.mark.parametrize(("image", "other"), [(TORCH, "torch"), (KERAS, "tensorflow-cpu")], ids=["torch", "keras"])
def test_the_locks_differ_in_one_framework_and_what_it_brings(image: images.Image, other: str) -> None:
    folder = ROOT / "docker" / "requirements"
    cpu = dict(LOCKED.findall((folder / "cpu.txt").read_text(encoding="utf-8")))
    gpus = dict(LOCKED.findall((folder / image.lock).read_text(encoding="utf-8")))
    brought = {"torch": {"torch", "triton"}, "tensorflow-cpu": {"tensorflow"}}[other] | {"nvidia-ml-py"}
    changed = {name for name in cpu.keys() | gpus.keys() if cpu.get(name) != gpus.get(name)}
    assert {name for name in changed if not name.startswith(("nvidia-", "cuda-"))} == brought - {"nvidia-ml-py"} | {
        other
    }
    assert brought <= gpus.keys()
    assert "://" not in (folder / image.lock).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("way", "name", "value", "devices"),
    [
        ("nvidia", "CUDA_VISIBLE_DEVICES", "1", "1"),
        ("nvidia", "CUDA_VISIBLE_DEVICES", "0, 2", "0,2"),
        ("nvidia", "LAB_GPU_DEVICES", "GPU-8a2c", "GPU-8a2c"),
        ("cdi", "CUDA_VISIBLE_DEVICES", "1", "nvidia.com/gpu=1"),
        ("cdi", "LAB_GPU_DEVICES", "nvidia.com/gpu=all", "nvidia.com/gpu=all"),
    ],
)
def test_the_gpus_of_a_shared_machine_are_those_that_the_caller_has(
    way: str, name: str, value: str, devices: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv(name, value)
    assert gpu.devices(way) == devices


@pytest.mark.parametrize(("way", "value"), [("nvidia", ""), ("nvidia", "-1"), ("nvidia", "none"), ("cdi", "0,1")])
def test_gpus_that_cannot_be_given_are_one_line(way: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
    with pytest.raises(UserError, match=f"^--gpu: CUDA_VISIBLE_DEVICES={value}"):
        gpu.devices(way)


def test_a_path_with_a_colon_is_one_path_for_compose(tmp_path: Path) -> None:
    """COMPOSE_FILE had a colon between its two files, as an operating system's lists of paths have."""
    if not shutil.which("docker"):
        (pytest.fail if os.environ.get("CI") else pytest.skip)("the program docker reads the files")
    root = tmp_path / "week 1: intro"
    root.mkdir()
    for name in ("compose.yaml", "compose.gpu.yaml"):
        (root / name).write_text((ROOT / name).read_text(encoding="utf-8"), encoding="utf-8")
    given = gpu.variables("nvidia", images.Built("sha256:gpu", "config digest", 0, {}))
    given["COMPOSE_FILE"] = given["COMPOSE_FILE"].replace(str(ROOT), str(root))
    command = ["docker", "compose", "--project-directory", str(root), "--profile", "lab", "config", "--images"]
    environment = os.environ | NO_ENGINE | dict.fromkeys(("JUPYTER_TOKEN", *images.SETTINGS), "x") | given
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "sha256:gpu" in done.stdout.split()
