"""What is in the images: the packages of the lock and no others, the data sets, the labels; and how large they are."""

import hashlib
import json
import re
import zlib
from pathlib import Path

import pytest
from docker.client import DockerClient

from host.engine import images
from tests.host.images.conftest import RunIn
from tests.host.images.support import IMAGES, LABS, LOCKS, OURS, ROOT

LOCKED = re.compile(r"^([a-zA-Z0-9._-]+)(?:\[.*?\])?==([^ ;\\]+)", re.MULTILINE)
INSTALLED = """
import json
from importlib.metadata import distributions
print(json.dumps({d.metadata["Name"]: d.version for d in distributions()}))
"""
LIMITS = {
    "tracking": (0.9e9, 0.35e9),
    "lab-cpu": (3.0e9, 1.1e9),
    "lab-gpu-torch": (7.2e9, 4.5e9),
    "lab-gpu-tensorflow": (8e9, 5e9),
}
"""How large an image may be, unpacked and compressed."""
targets = pytest.mark.parametrize("target", sorted(IMAGES))
labs = pytest.mark.parametrize("target", LABS)


def canonical(name: str) -> str:
    """PyPA's normal form of a distribution's name."""
    return re.sub(r"[-_.]+", "-", name).lower()


def lock(target: str) -> Path:
    """The requirements file that an image is installed from."""
    return ROOT / "docker" / "requirements" / LOCKS[target]


@targets
def test_installed_is_exactly_the_lock(run_in: RunIn, target: str) -> None:
    outcome = run_in(target, ["python", "-c", INSTALLED])
    installed = {canonical(name): version for name, version in json.loads(outcome.log).items()}
    locked = {canonical(name): version for name, version in LOCKED.findall(lock(target).read_text())}
    assert locked, "the lock has no packages"
    assert installed == locked
    assert any(name.startswith("nvidia-") for name in installed) is target.startswith("lab-gpu-")


@targets
def test_labels_are_true(client: DockerClient, run_in: RunIn, target: str) -> None:
    image = client.images.get(IMAGES[target])
    labels = {key.removeprefix("org.fearless-labs."): value for key, value in image.labels.items()}
    assert labels["lock"] == hashlib.sha256(lock(target).read_bytes()).hexdigest()

    digest = re.search(r"sha256:[0-9a-f]{64}", labels["base"])
    assert digest, labels["base"]
    is_id = "image id" in labels["base"]
    base = client.images.get(digest[0] if is_id else re.sub(r":[^:@/]*@", "@", labels["base"]))
    layers = base.attrs["RootFS"]["Layers"]
    assert image.attrs["RootFS"]["Layers"][: len(layers)] == layers

    # the label of one that an earlier version has built is the hash of all of docker/
    assert labels["docker"] in {OURS[target].content, images.docker_sha256()}


@labs
def test_lab_knows_its_lock(run_in: RunIn, target: str) -> None:
    outcome = run_in(target, ["sh", "-c", "echo $LAB_LOCK_SHA256 $LAB_DATA $LAB_JOURNAL"])
    assert outcome.log.split() == [hashlib.sha256(lock(target).read_bytes()).hexdigest(), "/opt/data", "/journal"]


@labs
def test_lab_has_the_recipe_that_makes_it(run_in: RunIn, target: str) -> None:
    outcome = run_in(target, ["sh", "-c", "cd /opt/recipe/docker/requirements && sha256sum *"])
    files = {name: sha256 for sha256, name in (line.split() for line in outcome.log.splitlines())}
    assert files.keys() == {"build.txt", LOCKS[target]}
    assert files[LOCKS[target]] == hashlib.sha256(lock(target).read_bytes()).hexdigest()


@targets
def test_unpacked_size(client: DockerClient, target: str) -> None:
    assert client.images.get(IMAGES[target]).attrs["Size"] < LIMITS[target][0]


@pytest.mark.slow
@targets
def test_compressed_size(client: DockerClient, target: str) -> None:
    pack, size = zlib.compressobj(6), 0  # the level of gzip and of registries
    for chunk in client.images.get(IMAGES[target]).save(chunk_size=2**22):
        size += len(pack.compress(chunk))
    assert size < LIMITS[target][1]


@labs
def test_data_sets_are_the_published_ones(run_in: RunIn, target: str) -> None:
    outcome = run_in(target, ["sh", "-c", "cd /opt/data/fashion-mnist && sha256sum *.gz && stat -c %a *.gz"])
    assert outcome.log.split() == [
        *("cc1d090a38ace84dfa1aa66e3ada7c336ef481a96936906477e6dd344da56eaa", "t10k-images-idx3-ubyte.gz"),
        *("8d3605d196f4be44669e46906da9733c8131fef761fdbfec72c424d5222f1a05", "t10k-labels-idx1-ubyte.gz"),
        *("b0564c3eedabfbf835052cff8503ea422014ce006caf5b757f851416ee8300c7", "train-images-idx3-ubyte.gz"),
        *("0ae29f65d86684f32d1b9c85147786c547b9c6aebcaf235f0400a0cce308b056", "train-labels-idx1-ubyte.gz"),
        *["644"] * 4,
    ]


@labs
def test_modules_of_the_frameworks_are_compiled(run_in: RunIn, target: str) -> None:
    code = (
        "import keras, mlflow, sys, tensorflow, torch; from importlib.util import cache_from_source as cached; "
        "from pathlib import Path; files = [getattr(m, '__file__', None) or '' for m in list(sys.modules.values())]; "
        "print([f for f in files if f.startswith('/opt/labs') and f.endswith('.py') and not Path(cached(f)).exists()])"
    )
    assert run_in(target, ["python", "-c", code]).log.splitlines()[-1] == "[]"


@targets
def test_nothing_of_the_build_is_left(run_in: RunIn, target: str) -> None:
    script = "command -v uv pip gcc strip; ls -A /var/log /var/lib/apt/lists /run/secrets 2>/dev/null | grep -v :$"
    assert run_in(target, ["sh", "-c", f"{script}; ls /tmp"]).log.strip() == ""
