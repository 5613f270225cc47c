"""What a build depends on: the files of docker/ and nothing else, and a lock that is the one its label will name."""

import ast
import hashlib
import runpy
import secrets
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from docker.client import DockerClient

from host.bootstrap import pip
from host.engine import base_image, images
from host.machine.package_sources import build_settings, sources
from tests.host.images.support import ROOT

Outcome = subprocess.CompletedProcess[str]


def buildx(*options: str, stdin: str | None = None, chosen: pip.Sources | None = None) -> Outcome:
    """`docker buildx build` on the repository, with the base, wheels, proxies and certificates of `./invoke build`."""
    with build_settings(chosen or sources()) as (settings, variables):
        command = ["docker", "buildx", "build", "--progress=plain", *settings, *options, "."]
        return subprocess.run(
            command, cwd=ROOT, env=variables, input=stdin, capture_output=True, text=True, check=False
        )


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


def test_a_step_that_asks_an_index_has_the_callers_sources(client: DockerClient) -> None:
    """They come as a secret, so they are in no layer, in no history and on no command line."""
    index = "https://me:it's secret@index.example/simple"
    steps = f"""\
FROM {images.LAB.name}
USER 0
RUN --mount=type=bind,source=docker/build/system,target=/system --mount=type=secret,id=sources \\
    . /system/network.sh && printf %s "$PIP_INDEX_URL" | sha256sum | grep {hashlib.sha256(index.encode()).hexdigest()}
"""
    chosen = pip.Sources(index, trusted=(f"test-{secrets.token_hex(4)}",))
    done = buildx("--file", "-", "--no-cache", stdin=steps, chosen=chosen)
    assert done.returncode == 0, done.stderr
    assert "secret@" not in done.stderr


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
