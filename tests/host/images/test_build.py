"""What a build depends on: the files of docker/ and nothing else, and a lock that is the one its label will name."""

import os
import shutil
import subprocess
import tarfile
from pathlib import Path

from docker.client import DockerClient

from host import images
from host.network import build_options
from tests.host.images.support import ROOT


def buildx(*options: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """`docker buildx build` on the repository, with the base, wheels, proxies and certificates of `./invoke build`."""
    command = ["docker", "buildx", "build", "--progress=plain", *build_options(os.environ), *options, "."]
    return subprocess.run(command, cwd=ROOT, input=stdin, capture_output=True, text=True, check=False)


def test_lib_and_labs_are_not_in_the_context(tmp_path: Path) -> None:
    """So an edit there rebuilds nothing and leaves the image id, which runs record, as it was."""
    context = tmp_path / "context.tar"
    done = buildx("--file", "-", "--output", f"type=tar,dest={context}", stdin="FROM scratch\nCOPY . /\n")
    assert done.returncode == 0, done.stderr
    with tarfile.open(context) as archive:
        names = archive.getnames()
    assert "docker/requirements/cpu.txt" in names
    assert [name for name in names if name.split("/")[0] != "docker"] == []


def test_wrong_lock_digest_ends_the_build(client: DockerClient) -> None:
    wrong = ("--build-arg", f"LAB_LOCK_SHA256={'0' * 64}")
    done = buildx("--file", "docker/Dockerfile", "--target", "tracking", *images.base_options(), *wrong)
    assert done.returncode != 0
    assert "LAB_LOCK_SHA256 is not the sha256 of tracking.txt: build with ./invoke build" in done.stderr


def test_data_are_checked(client: DockerClient, tmp_path: Path) -> None:
    """fetch-data takes complete data as they are, and does not take a file with one byte changed."""
    good, bad = tmp_path / "good" / "fashion-mnist", tmp_path / "bad" / "fashion-mnist"
    container = client.containers.create(images.LAB.name)
    try:
        good.parent.mkdir()
        copied = ["docker", "cp", f"{container.id}:/opt/data/fashion-mnist", str(good.parent)]
        subprocess.run(copied, check=True, capture_output=True)
    finally:
        container.remove()
    shutil.copytree(good, bad)
    labels = bad / "t10k-labels-idx1-ubyte.gz"
    labels.write_bytes(labels.read_bytes()[:-1] + b"\xff")
    tools = tmp_path / "bin"  # without apt-get: nothing can be downloaded
    tools.mkdir()
    for tool in ("sh", "sha256sum", "mktemp", "rm", "tail"):
        (tools / tool).symlink_to(shutil.which(tool) or tool)
    fetch = ROOT / "docker" / "fetch-data"
    for folder, status in ((good.parent, 0), (bad.parent, 1)):
        done = subprocess.run([fetch, folder], env={"PATH": str(tools)}, capture_output=True, text=True, check=False)
        assert done.returncode == status, done.stderr
        assert len(done.stderr.splitlines()) == status
