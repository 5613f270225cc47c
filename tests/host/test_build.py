"""Before a build: the disk, the base, and what an image is made of, which names it."""

import hashlib
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from host.bootstrap.paths import REQUIREMENTS, ROOT
from host.engine import base_image, build, content, docker, images
from host.engine.images import LAB, TRACKING
from host.machine import env_file
from host.services import ray
from lib.harness.errors import UserError


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone with what the images are made of, and no more."""
    root = tmp_path / "clone"
    shutil.copytree(ROOT / "docker", root / "docker")
    shutil.copy(ROOT / ".gitignore", root / ".gitignore")
    monkeypatch.delenv("BASE_IMAGE", raising=False)
    monkeypatch.setattr(content, "ROOT", root)
    monkeypatch.setattr(content, "chosen_base", lambda: os.environ.get("BASE_IMAGE", ""))
    return root


def contents() -> dict[str, str]:
    return {image.target: image.content for image in (*images.IMAGES, *images.GPU.values())}


def changed(before: dict[str, str]) -> set[str]:
    return {target for target, now in contents().items() if now != before[target]}


def append(file: Path, text: str = "# a comment\n") -> None:
    with file.open("a", encoding="utf-8") as stream:
        stream.write(text)


LABS = {"lab-cpu", "lab-gpu-torch", "lab-gpu-tensorflow"}


@pytest.mark.parametrize(
    ("file", "targets"),
    [
        ("mlflow/server.py", {"tracking"}),
        ("jupyter/labconfig/default_setting_overrides.json", LABS),
        ("kernels/dense.h", LABS),
        ("fetch-data", LABS),
        ("service.py", {"tracking", *LABS}),
        ("build/install-lock", {"tracking", *LABS}),
        ("requirements/build.txt", {"tracking", *LABS}),
        ("requirements/tracking.txt", {"tracking"}),
        ("requirements/cpu.txt", {"lab-cpu"}),
        ("requirements/cpu.in", set()),
        ("requirements/host.txt", set()),
        ("Dockerfile", LABS),
    ],
)
def test_a_file_is_part_of_those_images_that_read_it(clone: Path, file: str, targets: set[str]) -> None:
    """The labs' images have a copy of the Dockerfile, so its comments count there."""
    before = contents()
    assert (clone / "docker" / file).is_file()
    append(clone / "docker" / file)
    assert changed(before) == targets


def test_an_instruction_is_part_of_the_images_of_its_stage(clone: Path) -> None:
    before = contents()
    dockerfile = clone / "docker" / "Dockerfile"
    text = dockerfile.read_text(encoding="utf-8")
    dockerfile.write_text(text.replace("EXPOSE 5000", "EXPOSE 5001"), encoding="utf-8")
    assert "tracking" in changed(before)


def test_neither_modes_nor_files_of_editors_are_part_of_an_image(clone: Path) -> None:
    before = contents()
    for path in (clone / "docker").rglob("*"):
        path.chmod(path.stat().st_mode & 0o700)  # as under umask 077
    for name in ("mlflow/.server.py.swp", "jupyter/.DS_Store", "kernels/kernels.c~", "build/system/#network.sh#"):
        (clone / "docker" / name).write_text("x", encoding="utf-8")
    cache = clone / "docker" / "mlflow" / "__pycache__" / "server.pyc"
    cache.parent.mkdir(exist_ok=True)
    cache.write_bytes(b"x")
    assert changed(before) == set()
    (clone / "docker" / "fetch-data").chmod(0o600)
    assert changed(before) == LABS, "a program that cannot be executed is another file"


def test_another_base_is_another_image(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents()
    monkeypatch.setenv("BASE_IMAGE", content.pinned())
    assert changed(before) == set()
    monkeypatch.setenv("BASE_IMAGE", "registry.example/debian:bookworm")
    assert changed(before) == before.keys()


@pytest.mark.parametrize("image", [*images.IMAGES, *images.GPU.values()], ids=lambda image: image.target)
def test_the_context_is_what_the_build_reads_and_nothing_else(clone: Path, tmp_path: Path, image: images.Image) -> None:
    for path in (clone / "docker").rglob("*"):
        path.chmod(path.stat().st_mode & 0o700)
    (clone / "docker" / "mlflow" / "notes.txt~").write_text("x", encoding="utf-8")
    folder = tmp_path / "context"
    content.write_context(folder, image.target, image.lock)
    written = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    locks = {name for name in written if name.startswith("docker/requirements/")}
    assert locks == {"docker/requirements/build.txt", f"docker/requirements/{image.lock}"}
    assert {path.stat().st_mode & 0o777 for path in written.values()} == {0o644, 0o755}
    assert {path.stat().st_mode & 0o777 for path in folder.rglob("*") if path.is_dir()} == {0o755}
    assert "docker/Dockerfile" in written
    is_lab = image.target != "tracking"
    assert ("docker/kernels/kernels.c" in written, "docker/mlflow/server.py" in written) == (is_lab, not is_lab)
    assert all(path.read_bytes() == (clone / name).read_bytes() for name, path in written.items())


def test_a_stage_is_what_it_takes_from_others_and_reads() -> None:
    text = """\
ARG BASE_IMAGE=debian
FROM ${BASE_IMAGE} AS base
# a comment
RUN --mount=type=bind,source=docker/system,target=/s --mount=type=secret,id=ca \\
    # another one
    --mount=type=bind,from=wheels,target=/wheels  /s/run
FROM base AS end
COPY --from=base --chown=1:1 /a /b
COPY one two/ /to/
"""
    base, end = content.stages(text).values()
    assert base.instructions == (
        "RUN --mount=type=bind,source=docker/system,target=/s --mount=type=secret,id=ca "
        "--mount=type=bind,from=wheels,target=/wheels /s/run",
    )
    assert (base.sources, base.stages) == ({"docker/system"}, {"${BASE_IMAGE}", "wheels"})
    assert (end.parent, end.sources, end.stages) == ("base", {"one", "two/"}, {"base"})


def test_names_are_kept_for_compose_and_the_base_for_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`docker compose`, typed in the clone, takes them from .env; a build's BASE_IMAGE is that of the next `up`."""
    file = tmp_path / ".env"
    file.write_text("JUPYTER_PORT=8890\n", encoding="utf-8")
    keep, setting = env_file.keep, env_file.setting
    monkeypatch.setattr(env_file, "keep", lambda settings: keep(settings, file))
    monkeypatch.setattr(env_file, "setting", lambda name: setting(name, file))
    monkeypatch.delenv("BASE_IMAGE", raising=False)
    images.keep_names()
    usual = {"TRACKING_IMAGE": TRACKING.name, "LAB_CPU_IMAGE": LAB.name}
    assert env_file.read(file) == {"JUPYTER_PORT": "8890", **usual}
    before = file.stat().st_ino
    images.keep_names()
    assert file.stat().st_ino == before, "it is not written again"

    monkeypatch.setenv("BASE_IMAGE", "registry.example/debian:bookworm")
    images.keep_names()
    monkeypatch.delenv("BASE_IMAGE")
    assert content.chosen_base() == "registry.example/debian:bookworm"
    kept = env_file.read(file)
    assert (kept["TRACKING_IMAGE"], kept["LAB_CPU_IMAGE"]) == (TRACKING.name, LAB.name)
    assert kept["LAB_CPU_IMAGE"] != usual["LAB_CPU_IMAGE"]


def test_the_base_is_pinned_by_date_and_digest() -> None:
    assert re.fullmatch(r"debian:bookworm-\d{8}-slim@sha256:[0-9a-f]{64}", content.pinned())


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


def test_an_image_is_labelled_with_its_content_and_lock_and_not_with_a_commit() -> None:
    lock = hashlib.sha256((REQUIREMENTS / "cpu.txt").read_bytes()).hexdigest()
    assert build.build_arguments(LAB) == {
        "LAB_LOCK": "cpu.txt",
        "LAB_LOCK_SHA256": lock,
        "LAB_DOCKER_SHA256": LAB.content,
    }


@pytest.mark.usefixtures("real_engine")
def test_the_callers_base_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BASE_IMAGE", "registry.example/debian:none")
    assert base_image.options() == ["--build-arg", "BASE_IMAGE=registry.example/debian:none"]
