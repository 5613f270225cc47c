"""A secret of each kind of package source is planted, a build uses them, and the image that it made is searched."""

import secrets
import subprocess
from pathlib import Path

import pytest

from host.bootstrap import pip
from host.machine.package_sources import build_settings
from tests.host.images.support import IMAGES, ROOT

KINDS = ("index", "extra", "links", "proxy", "npm")
PLANTED = {kind: f"planted{secrets.token_hex(12)}" for kind in KINDS}
VARIABLES = {
    "PIP_INDEX_URL": f"https://me:{PLANTED['index']}@index.example/simple",
    "PIP_EXTRA_INDEX_URL": f"https://me:{PLANTED['extra']}@extra.example/simple",
    "PIP_FIND_LINKS": f"https://me:{PLANTED['links']}@links.example/",
    "HTTPS_PROXY": f"http://me:{PLANTED['proxy']}@127.0.0.1:1",
    "NPM_CONFIG_REGISTRY": f"https://me:{PLANTED['npm']}@npm.example",
}
BUILD = """\
FROM {image}
USER 0
RUN --mount=type=bind,source=docker/build/system,target=/system --mount=type=secret,id=sources \\
    . /system/network.sh && test -n "$PIP_INDEX_URL" && test -n "$HTTPS_PROXY" && touch /built
"""


def found_in(content: bytes) -> set[str]:
    """The kinds of the secrets in some bytes."""
    return {kind for kind, secret in PLANTED.items() if secret.encode() in content}


def docker(*words: str) -> bytes:
    """All that `docker WORDS` prints."""
    done = subprocess.run(["docker", *words], capture_output=True, check=True)
    return done.stdout + done.stderr


def test_an_image_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A build that uses them all, as the Dockerfile's steps do: neither its history nor its layers have one."""
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    file = tmp_path / "Dockerfile"
    file.write_text(BUILD.format(image=IMAGES["tracking"]), encoding="utf-8")
    name = f"fearless-test/{secrets.token_hex(4)}:latest"
    index, extra, links = (VARIABLES[f"PIP_{name}"] for name in ("INDEX_URL", "EXTRA_INDEX_URL", "FIND_LINKS"))
    chosen = pip.Sources(index, (extra,), (), (links,))
    try:
        with build_settings(chosen) as (options, variables):
            command = ["docker", "buildx", "build", "--load", "--progress=plain", "--file", str(file), "--tag", name]
            assert found_in(" ".join([*command, *options]).encode()) == set()
            built = subprocess.run([*command, *options, str(ROOT)], env=variables, capture_output=True, check=False)
        assert built.returncode == 0, built.stderr.decode()
        assert found_in(built.stdout + built.stderr) == set()
        assert found_in(docker("history", "--no-trunc", "--format", "{{json .}}", name)) == set()
        assert found_in(docker("image", "inspect", name)) == set()
        search = ("sh", "-c", "cat /built; tar -c /tmp /root /etc")
        searched = docker("run", "--rm", "--network=none", "--user=0", name, *search)
        assert found_in(searched) == set()
    finally:
        subprocess.run(["docker", "image", "rm", name], capture_output=True, check=False)
