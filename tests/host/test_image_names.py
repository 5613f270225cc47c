"""Images by the names of their contents, and earlier ones, all called `latest`; the engine is a stand-in."""

import json
import os
from pathlib import Path

import pytest

from host.engine import content, images
from host.engine.images import CONTENT, LAB, LOCK, Built

BASE = "org.fearless-labs.base"
ID = f"sha256:{'5' * 64}"


@pytest.fixture
def engine(stand_in: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the stand-in's images, which are none."""
    monkeypatch.setattr(content, "chosen_base", lambda: os.environ.get("BASE_IMAGE", ""))
    return stand_in


def put_latest(engine: Path, **labels: str) -> None:
    """The lab image as an earlier version has built it of these files, but for what `labels` say."""
    made_of = {LOCK: LAB.lock_sha256, CONTENT: images.docker_sha256(), BASE: f"{content.LOCAL} (image id {ID})"}
    named = {f"org.fearless-labs.{name}": text for name, text in labels.items()}
    facts = {"Id": ID, "Size": 1, "Config": {"Labels": made_of | named}, "RootFS": {}, "RepoTags": [LAB.earlier_name]}
    for name in (ID, LAB.earlier_name):
        (engine / name.replace("/", "_")).write_text(json.dumps([facts]), encoding="utf-8")


def test_an_earlier_image_of_the_same_is_taken_and_gets_its_name(engine: Path) -> None:
    assert images.present(LAB) is None
    put_latest(engine)
    built = images.present(LAB)
    assert built is not None
    assert (built.id, built.names, built.content) == (ID, (LAB.name, LAB.earlier_name), LAB.name.rpartition(":")[2])
    (engine / LAB.earlier_name.replace("/", "_")).unlink()
    assert images.present(LAB) is not None, "it has the name for good"


@pytest.mark.parametrize("label", ["lock", "docker", "base"])
def test_one_of_something_else_is_not(engine: Path, label: str) -> None:
    put_latest(engine, **{label: "another"})
    assert images.present(LAB) is None
    assert len(list(engine.iterdir())) == 2


def test_one_on_a_chosen_base_is_taken_where_that_is_chosen(engine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_latest(engine, base="registry.example/debian:1 (image id sha256:1)")
    assert images.present(LAB) is None
    monkeypatch.setenv("BASE_IMAGE", "registry.example/debian:1")
    assert images.present(LAB) is not None


@pytest.mark.parametrize(
    ("names", "recorded"),
    [
        ((), "unknown"),
        (("fearless-labs/lab-cpu:latest",), "unknown"),
        (("fearless-labs/recorded:0123456789ab",), "unknown"),
        (("elsewhere/lab-cpu:0123456789ab",), "unknown"),
        (("a:b", "fearless-labs/lab-gpu-torch:0123456789ab"), "0123456789ab"),
    ],
)
def test_a_content_is_known_by_a_name_of_ours(names: tuple[str, ...], recorded: str) -> None:
    assert Built(ID, "config digest", 1, {}, (), names).content == recorded
