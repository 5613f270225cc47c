"""Before a build: the disk, the base, and what makes an image out of date."""

import hashlib
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from host.bootstrap.paths import REQUIREMENTS, ROOT
from host.engine import base_image, build, docker, images
from host.engine.images import LAB, TRACKING, Built
from host.services import ray
from lib.harness.errors import UserError


def labels(image: images.Image) -> dict[str, str]:
    return {"org.fearless-labs.lock": image.lock_sha256, "org.fearless-labs.docker": images.docker_sha256()}


def test_an_image_is_current_when_lock_and_dockerfile_are() -> None:
    assert not images.is_current(LAB, None)
    assert images.is_current(LAB, Built("sha256:1", "config digest", 1, labels(LAB)))
    assert not images.is_current(LAB, Built("sha256:1", "config digest", 1, labels(TRACKING)))
    older = labels(LAB) | {"org.fearless-labs.docker": "0" * 64}
    assert not images.is_current(LAB, Built("sha256:1", "config digest", 1, older))


def test_the_digest_of_docker_changes_with_a_file_and_not_with_a_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("Dockerfile", "build/step", "requirements/cpu.txt"):
        file = tmp_path / "docker" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("one", encoding="utf-8")
    monkeypatch.setattr(images, "ROOT", tmp_path)
    monkeypatch.setattr(images, "REQUIREMENTS", tmp_path / "docker" / "requirements")
    first = images.docker_sha256()
    (tmp_path / "docker" / "requirements" / "cpu.txt").write_text("two", encoding="utf-8")
    assert images.docker_sha256() == first
    (tmp_path / "docker" / "build" / "step").write_text("two", encoding="utf-8")
    assert images.docker_sha256() != first


def test_the_base_is_pinned_by_date_and_digest() -> None:
    assert re.fullmatch(r"debian:bookworm-\d{8}-slim@sha256:[0-9a-f]{64}", base_image.pinned())


@pytest.mark.usefixtures("real_engine")
def test_a_full_disk_is_said_with_the_number_needed_before_anything_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker, "free_gib", lambda: 1.5)
    with pytest.raises(UserError, match=r"needs 12\.0 GiB free.* there are 1\.5: "):
        build.build(*images.IMAGES)


@pytest.mark.usefixtures("real_engine")
def test_the_ray_cluster_has_its_image_built_first(
    fake_engine: Callable[..., dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody else may have: `up --gpu --workers 2` asks for another one. This engine has none, nor room for it."""
    monkeypatch.setattr(docker, "free_gib", lambda: 1.5)
    for name, value in fake_engine("27.1.0").items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=r"Building needs 12\.0 GiB free"):
        ray.up(2)


def test_an_image_is_labelled_with_the_commit_lock_and_recipe_that_are_here() -> None:
    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()

    dirty = "-dirty" if git("status", "--porcelain", "--", "docker") else ""
    said = build.build_arguments(LAB)
    assert said["LAB_GIT_COMMIT"] == git("rev-parse", "HEAD") + dirty
    assert said["LAB_LOCK_SHA256"] == hashlib.sha256((REQUIREMENTS / "cpu.txt").read_bytes()).hexdigest()
    assert (said["LAB_LOCK"], said["LAB_DOCKER_SHA256"]) == ("cpu.txt", images.docker_sha256())


@pytest.mark.usefixtures("real_engine")
def test_the_callers_base_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BASE_IMAGE", "registry.example/debian:none")
    assert base_image.options() == ["--build-arg", "BASE_IMAGE=registry.example/debian:none"]
