"""`./invoke build --check` in an engine that can write an image with its digest: two builds, one digest."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from host.checks.install import link_mtu
from host.engine import base_image, content, images
from host.engine.same_twice import check

BRIDGE, ADDRESS = "lab-digest0", "172.31.254.1/24"


@pytest.fixture
def containerd_engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An engine of the test's own with containerd's image store; it has the base image, and commands go to it."""
    if os.getuid() or not all(map(shutil.which, ("dockerd", "ip"))):
        (pytest.fail if os.environ.get("CI") else pytest.skip)("an engine of the test's own needs root and dockerd")
    options = base_image.options()
    base = options[1].partition("=")[2] if options else content.pinned()
    folder = Path(tempfile.mkdtemp(prefix="lab-"))  # pytest's is too long for the path of a socket
    settings = folder / "daemon.json"
    settings.write_text(json.dumps({"features": {"containerd-snapshotter": True}}))
    subprocess.run(["ip", "link", "add", BRIDGE, "type", "bridge"], check=True)
    subprocess.run(["ip", "address", "add", ADDRESS, "dev", BRIDGE], check=True)
    address = f"unix://{folder}/sock"
    command = ["dockerd", f"--config-file={settings}", f"--host={address}", f"--bridge={BRIDGE}"]
    command += [f"--mtu={link_mtu(Path('/proc/net/route').read_text(encoding='utf-8'))}"]
    command += [f"--{name}={folder / name}" for name in ("data-root", "exec-root", "pidfile")]
    with (folder / "log").open("w", encoding="utf-8") as log:
        engine = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 60
        there = {**os.environ, "DOCKER_HOST": address}
        while subprocess.run(["docker", "version"], env=there, capture_output=True, check=False).returncode:
            assert engine.poll() is None, (folder / "log").read_text(encoding="utf-8")
            assert time.monotonic() < deadline
            time.sleep(0.2)
        with subprocess.Popen(["docker", "save", base], stdout=subprocess.PIPE) as saved:
            subprocess.run(["docker", "load"], env=there, stdin=saved.stdout, check=True, capture_output=True)
        monkeypatch.setenv("DOCKER_HOST", address)
        monkeypatch.setenv("BASE_IMAGE", base)
        yield
    finally:
        engine.terminate()
        engine.wait()
        subprocess.run(["ip", "link", "delete", BRIDGE], check=True)
        shutil.rmtree(folder)


@pytest.mark.slow
@pytest.mark.usefixtures("containerd_engine")
def test_two_builds_from_nothing_have_the_same_digest(capsys: pytest.CaptureFixture[str]) -> None:
    assert check(images.TRACKING), capsys.readouterr().out
    assert ", digest sha256:" in capsys.readouterr().out
