"""Return whether a container can compute on this machine's NVIDIA GPUs with the CUDA of an image, and how.

What an engine with the toolkit offers is a runtime, `nvidia`, or devices by the Container Device Interface (CDI).

A program built with CUDA N.x runs with every driver since that of N.0 (NVIDIA, CUDA Compatibility, "Minor Version
Compatibility"; the versions: CUDA Toolkit Release Notes, "CUDA Toolkit and Corresponding Driver Versions", Linux).
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from host.bootstrap import environment
from host.bootstrap.paths import ROOT
from host.engine import docker, images
from host.engine.docker import Version
from host.machine import env_file, nvidia
from host.machine.labs_named import find
from lib.harness.errors import UserError

DRIVERS = {13: "580.65.06", 12: "525.60.13"}
"""The oldest driver for Linux by the major version of CUDA."""
CDI_KIND = "nvidia.com/gpu"
INSTALL_TOOLKIT = (
    "install nvidia-container-toolkit, then sudo nvidia-ctk runtime configure --runtime=docker "
    "and sudo systemctl restart docker"
)


def minimum_driver(image: images.Image) -> str:
    """The oldest driver with which the CUDA of a GPU image runs."""
    return DRIVERS[int(image.cuda.partition(".")[0])]


def fits(driver: str, image: images.Image) -> bool:
    """Return whether a driver of this version is new enough for the CUDA of a GPU image."""
    return Version.read(driver).numbers >= Version.read(minimum_driver(image)).numbers


def offered() -> str | None:
    """The way in which the engine gives GPUs to a container: ``nvidia`` (its runtime), ``cdi`` or None."""
    facts: dict[str, Any] = json.loads(docker.must("info", "--format", "{{json .}}") or "{}")
    if "nvidia" in (facts.get("Runtimes") or {}):
        return "nvidia"
    known = [device.get("ID", "") for device in facts.get("DiscoveredDevices") or []]
    if any(device.startswith(CDI_KIND) for device in known):
        return "cdi"
    folders = [Path(folder) for folder in facts.get("CDISpecDirs") or []]  # engines before 28.3 do not list devices
    specs = [file for folder in folders for suffix in ("yaml", "json") for file in folder.glob(f"*.{suffix}")]
    return "cdi" if any(CDI_KIND in file.read_text(encoding="utf-8", errors="replace") for file in specs) else None


def require(image: images.Image) -> str:
    """The way of `offered`. Raises `UserError` where no container can compute with the CUDA of `image`."""
    gpus = nvidia.find()
    if not gpus.names:
        raise UserError(
            f"--gpu: no NVIDIA GPU here, {gpus.reason}: run without --gpu; for one that is here, install its driver"
        )
    if not fits(gpus.driver, image):
        raise UserError(
            f"--gpu: NVIDIA driver {gpus.driver} is too old for CUDA {image.cuda} of {image.target}: "
            f"install {minimum_driver(image)} or newer, or run without --gpu"
        )
    docker.require()
    way = offered()
    if way is None:
        raise UserError(f"--gpu: the engine has no NVIDIA container toolkit: {INSTALL_TOOLKIT}")
    return way


def image_of(lab: str, framework: str | None, changes: Sequence[str] = ()) -> images.Image:
    """The GPU image for a lab: of the framework that is chosen (by the option or in `changes`), else of its first."""
    chosen = [change.partition("=")[2].strip() for change in changes if change.partition("=")[0].strip() == "framework"]
    return image_for(chosen[-1] if chosen else framework or find(lab).frameworks[0])


def image_for(framework: str) -> images.Image:
    """The GPU image of a framework. Raises `UserError` for one without."""
    if framework not in images.GPU:
        raise UserError(f"--framework {framework}: with --gpu it is {' or '.join(images.GPU)}")
    return images.GPU[framework]


def variables(way: str, built: images.Built) -> dict[str, str]:
    """The variables with which compose runs `built` with all GPUs, by the overlay compose.gpu.yaml."""
    return {
        "COMPOSE_FILE": f"{ROOT / 'compose.yaml'}\n{ROOT / 'compose.gpu.yaml'}",
        "COMPOSE_PATH_SEPARATOR": "\n",  # a path may have a colon
        "LAB_GPU_IMAGE": built.id,
        "LAB_GPU_DRIVER": way,
        "LAB_GPU_DEVICES": devices(way),
    }


def devices(way: str) -> str:
    """The GPUs for a container: all, or those of LAB_GPU_DEVICES or CUDA_VISIBLE_DEVICES, as numbers or UUIDs.

    Raises:
        UserError: there is none among them, or they are several and the engine takes one or all.
    """
    name, wanted = "LAB_GPU_DEVICES", env_file.setting_and_place("LAB_GPU_DEVICES")[0]
    if not wanted:
        name, wanted = "CUDA_VISIBLE_DEVICES", environment.get("CUDA_VISIBLE_DEVICES")
        if name not in environment.caller():
            return "all" if way == "nvidia" else f"{CDI_KIND}=all"
    chosen = [device.strip().removeprefix(f"{CDI_KIND}=") for device in wanted.split(",")]
    if not all(re.fullmatch(r"all|\d+|(GPU|MIG)-[\w./-]+", device) for device in chosen):
        raise UserError(f"--gpu: {name}={wanted} names no GPU: unset it, or set numbers, as in 0,1")
    if way == "nvidia":
        return ",".join(chosen)
    if len(chosen) > 1:
        raise UserError(f"--gpu: {name}={wanted}: where the engine knows GPUs by CDI, name one, or all")
    return f"{CDI_KIND}={chosen[0]}"
