"""Images of several clones side by side, what needs them, and what `./invoke clean` removes, on the real engine."""

import json
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import pytest

from host.engine import build, clean, content, docker, images, inventory
from host.engine.images import LAB, TRACKING, Built
from lib.harness.errors import UserError
from tests.host.clone import ROOT, Instance, copy_clone, new_project, share_venv

Make = Callable[..., Built]


@pytest.fixture(autouse=True)
def instance_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an image is needed by is looked for in an instance that has no runs."""
    monkeypatch.setenv("LAB_INSTANCE", new_project())


def shell(*words: str, data: bytes = b"") -> str:
    done = subprocess.run(words, input=data, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip()


def docker_of(tmp_path: Path, name: str, comment: str) -> Path:
    """A clone's docker/ with a comment in a file that MLflow's image has."""
    root = tmp_path / name
    shutil.copytree(ROOT / "docker", root / "docker")
    shutil.copy(ROOT / ".gitignore", root)
    with (root / "docker" / "healthcheck.py").open("a", encoding="utf-8") as file:
        file.write(f"# {comment}\n")
    return root


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], Built]]:
    """Build MLflow's image of a folder that has docker/; what was built is removed at the end."""
    names: list[str] = []

    def make(root: Path) -> Built:
        with monkeypatch.context() as patched:
            patched.setattr(content, "ROOT", root)
            names.append(TRACKING.name)
            build.build(TRACKING)
            made = images.inspect(TRACKING.name)
        assert made is not None
        return made

    yield make
    docker.call("image", "rm", *set(names))


def test_clones_of_two_versions_have_their_images_beside_one_another(
    tmp_path: Path, built: Callable[[Path], Built]
) -> None:
    """A build of one moves no name of the other's; one with other modes and an editor's files has the same image."""
    present, unique = images.must_inspect(TRACKING), secrets.token_hex(8)
    one = built(docker_of(tmp_path, "one", f"one {unique}"))
    another = docker_of(tmp_path, "another", f"one {unique}")
    for path in sorted((another / "docker").rglob("*"), reverse=True):
        path.chmod(path.stat().st_mode & 0o700)
    (another / "docker" / "mlflow" / "server.py~").write_text("x", encoding="utf-8")
    assert built(another) == one
    two = built(docker_of(tmp_path, "two", f"two {unique}"))
    assert len({one.id, two.id, present.id}) == 3
    assert images.inspect(one.names[0]) == one
    assert images.must_inspect(TRACKING) == present

    assert one.labels[images.CONTENT].startswith(one.content)
    assert one.names == (f"fearless-labs/tracking:{one.content}",)
    facts = json.loads(shell("docker", "image", "inspect", one.id))[0]
    day = datetime.fromtimestamp(content.epoch(), timezone.utc)
    assert facts["Created"].startswith(day.strftime("%Y-%m-%dT%H:%M:%S"))
    assert one.labels["org.fearless-labs.commit"] == "unknown"
    mode = ("run", "--rm", "--network=none", "--entrypoint=stat", one.id, "-c", "%a %U", "/opt/mlflow/server.py")
    assert shell("docker", *mode) == "644 root"


@pytest.fixture
def tiny() -> Iterator[Make]:
    """Make an image of a few bytes with our labels, by these names."""
    made: list[str] = []

    def make(*names: str, base: str = "") -> Built:
        labels = ["--change", f"LABEL {images.CONTENT}={secrets.token_hex(32)}"]
        if base:
            text = f"FROM {base}\nCOPY x /{secrets.token_hex(4)}\n"
            folder = shell("mktemp", "--directory")
            Path(folder, "x").write_text(secrets.token_hex(8), encoding="utf-8")
            built = shell("docker", "build", "--quiet", "--file=-", folder, data=text.encode())
            shutil.rmtree(folder)
        else:
            built = shell("docker", "import", *labels, "-", data=bytes(10240))
        for name in names:
            shell("docker", "tag", built, name)
        made.append(built)
        image = images.inspect(built)
        assert image is not None
        return image

    yield make
    for image in made:
        docker.call("image", "rm", "--force", image)


def entry(built: Built) -> inventory.Entry:
    """What `./invoke images` says of an image."""
    (found,) = [one for one in inventory.entries() if one.id == built.id]
    return found


def test_an_image_is_needed_while_a_container_has_it(tiny: Make) -> None:
    made = tiny(f"fearless-labs/try:{secrets.token_hex(6)}")
    assert not entry(made).is_needed
    name = f"fearless-test-{secrets.token_hex(4)}"
    shell("docker", "create", "--name", name, "--label", "com.docker.compose.project=other", made.id, "x")
    try:
        assert (entry(made).instances, entry(made).is_needed) == (["other"], True)
        with pytest.raises(UserError, match=r"Not everything was removed: fearless-labs/try:.*container"):
            clean.remove([entry(made)])
    finally:
        shell("docker", "rm", name)
    assert images.inspect(made.id) == made


def test_what_is_removed_is_ours_alone(tiny: Make, capsys: pytest.CaptureFixture[str]) -> None:
    shared = tiny(f"fearless-labs/try:{secrets.token_hex(6)}", f"elsewhere:{secrets.token_hex(6)}")
    ours = tiny(f"fearless-labs/try:{secrets.token_hex(6)}")
    nameless = tiny()
    foreign = tiny(f"elsewhere:{secrets.token_hex(6)}")
    derived = tiny(base=ours.names[0])
    listed = {one.id for one in inventory.entries()}
    assert {shared.id, ours.id, nameless.id} <= listed
    assert not {foreign.id, derived.id} & listed
    clean.remove([entry(shared), entry(nameless)])
    assert capsys.readouterr().out == "Removed 2 images (up to 0.0 GB)\n"
    kept = tuple(name for name in shared.names if name.startswith("elsewhere"))
    assert images.inspect(shared.id) == replace(shared, names=kept)
    assert images.inspect(nameless.id) is None
    assert images.inspect(ours.id) == ours


@pytest.fixture
def clone(tmp_path: Path) -> Instance:
    return Instance(share_venv(copy_clone(tmp_path / "clone")), {})


def test_nothing_is_removed_that_nobody_agrees_to(clone: Instance, tiny: Make) -> None:
    made = tiny(f"fearless-labs/try:{secrets.token_hex(6)}")
    code, out, err = clone.invoke("clean")
    assert (code, out) == (2, "")
    assert err.splitlines()[-1].startswith("Nothing was removed: agree to remove ")
    assert "--yes" in err.splitlines()[-1]
    assert err.splitlines()[-2] == f"{clean.UNSEEN}."
    assert made.names[0] in err
    assert not any(f"  {image.name}" in err for image in (LAB, TRACKING))
    assert images.inspect(made.id) == made


def test_images_say_what_needs_them(clone: Instance) -> None:
    present = images.must_inspect(LAB)
    listed = json.loads(clone.must("images", "--json"))
    (ours,) = [one for one in listed if one["id"] == present.id]
    assert str(clone.root) in ours["clones"]
    assert ours["needed"]
    assert ours["content"] == present.content
    rows = clone.must("images").splitlines()
    assert any(LAB.name in row and "this clone" in row for row in rows)
    assert rows[-1].startswith(f"{len(listed)} images (up to ")
