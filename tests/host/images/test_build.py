"""What a build depends on: the files of docker/ and nothing else, and a lock that is the one its label will name."""

import ast
import os
import runpy
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from docker.client import DockerClient

from host.engine import base_image, images
from host.machine.package_sources import build_options
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
    wrong = ("--build-arg", "LAB_LOCK=tracking.txt", "--build-arg", f"LAB_LOCK_SHA256={'0' * 64}")
    done = buildx("--file", "docker/Dockerfile", "--target", "tracking", *base_image.options(), *wrong)
    assert done.returncode != 0
    assert "LAB_LOCK_SHA256 is not the sha256 of tracking.txt: build with ./invoke build" in done.stderr


def test_data_are_checked(client: DockerClient, tmp_path: Path) -> None:
    """fetch-data takes complete data as they are, and does not take a file with one byte changed."""
    good, bad = tmp_path / "good", tmp_path / "bad"
    container = client.containers.create(images.LAB.name)
    try:
        subprocess.run(["docker", "cp", f"{container.id}:/opt/data", str(good)], check=True, capture_output=True)
    finally:
        container.remove()
    shutil.copytree(good, bad)
    labels = bad / "fashion-mnist" / "t10k-labels-idx1-ubyte.gz"
    labels.write_bytes(labels.read_bytes()[:-1] + b"\xff")
    fetch = ROOT / "docker" / "fetch-data"
    for folder, lines in ((good, []), (bad, ["fetch-data: fashion-mnist: no apt-get here"])):
        command = [sys.executable, str(fetch), str(folder)]
        done = subprocess.run(command, env={"PATH": "/nowhere"}, capture_output=True, text=True, check=False)
        assert done.returncode == len(lines), done.stderr
        assert [line.split(": the data")[0] for line in done.stderr.splitlines()] == lines


def test_the_hashes_are_those_that_the_labs_check() -> None:
    """A set that the image was built with is one that its module in lib/data takes."""
    fetched = runpy.run_path(str(ROOT / "docker" / "fetch-data"))["SETS"]
    for name, (_, files) in fetched.items():
        module = ast.parse((ROOT / "lib" / "data" / f"{name.replace('-', '_')}.py").read_text(encoding="utf-8"))
        (table,) = (
            statement.value
            for statement in module.body
            if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "SHA256"
        )
        assert files == ast.literal_eval(table)
