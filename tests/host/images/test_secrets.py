"""A secret of each kind is planted, everything is used, and what was made is searched: each is where it was put."""

import json
import secrets
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from host.bootstrap import pip
from host.machine import ports
from host.machine.package_sources import build_settings
from host.records import archive
from tests import tiny
from tests.host.clone import Instance, copy_clone, new_project, share_venv
from tests.host.images.support import IMAGES, ROOT

KINDS = ("index", "extra", "links", "proxy", "npm", "ray", "cloud", "jupyter")
PLANTED = {kind: f"planted{secrets.token_hex(12)}" for kind in KINDS}
VARIABLES = {
    "PIP_INDEX_URL": f"https://me:{PLANTED['index']}@index.example/simple",
    "PIP_EXTRA_INDEX_URL": f"https://me:{PLANTED['extra']}@extra.example/simple",
    "PIP_FIND_LINKS": f"https://me:{PLANTED['links']}@links.example/",
    "HTTPS_PROXY": f"http://me:{PLANTED['proxy']}@127.0.0.1:1",
    "NPM_CONFIG_REGISTRY": f"https://me:{PLANTED['npm']}@npm.example",
    "RAY_AUTH_TOKEN": PLANTED["ray"],
    "AWS_SECRET_ACCESS_KEY": PLANTED["cloud"],
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


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Instance, Path]]:
    """An instance in which services and a lab ran with secrets around them, and the folder of what it has written."""
    folder = tmp_path_factory.mktemp("secrets")
    for parent in (folder, folder.parent):
        parent.chmod(0o755)
    root = share_venv(copy_clone(folder / "clone"))
    tiny.add_to(root)
    project = new_project()
    (root / ".env").write_text(f"JUPYTER_TOKEN={PLANTED['jupyter']}\nRAY_AUTH_TOKEN={PLANTED['ray']}\n")
    chosen = {name: str(ports.next_free(5900, set())) for name in ("MLFLOW_PORT",)}
    chosen["JUPYTER_PORT"] = str(ports.next_free(5900, {int(chosen["MLFLOW_PORT"])}))
    clone, out = Instance(root, {**chosen, **VARIABLES}, project), folder / "out"
    out.mkdir()
    try:
        clone.must("up")
        clone.must("lab", "tiny", "--quick")
        clone.must("export", "last:tiny", "--out", out / "records")
        clone.must("report", "--out", out / "report.html")
        clone.must("backup", out / "all.backup")
        (out / "doctor").write_text("".join(clone.invoke("doctor", "--json")[1:]), encoding="utf-8")
        yield clone, out
    finally:
        clone.remove()


def test_files_have_none(used: tuple[Instance, Path]) -> None:
    clone, out = used
    backup = out / "all.backup"
    for name, _, content in archive.members(backup):
        assert found_in(content.read()) == set(), name
    files = [path for folder in (out, clone.root) for path in folder.rglob("*") if path.is_file() and path != backup]
    assert len(files) > 500
    own = clone.root / ".env"
    assert {str(path): found_in(path.read_bytes()) for path in files if found_in(path.read_bytes())} == {
        str(own): {"jupyter", "ray"}
    }
    assert stat.S_IMODE(own.stat().st_mode) == 0o600


def test_containers_have_none_but_jupyters_token(used: tuple[Instance, Path]) -> None:
    clone, _ = used
    names = clone.docker("container", "{{.Names}}")
    assert len(names) == 4
    for name in names:
        assert found_in(docker("logs", name)) == set(), name
        (container,) = json.loads(docker("inspect", name))
        wanted = {"jupyter"} if name == f"{clone.project}-jupyter-1" else set()
        assert found_in(json.dumps(container["Config"].pop("Env")).encode()) == wanted, name
        assert found_in(json.dumps(container).encode()) == set(), name


def test_what_labs_have_recorded_has_none(used: tuple[Instance, Path]) -> None:
    """Journal, database and artifacts, from the volumes themselves."""
    clone, _ = used
    for volume in ("journal", "mlflow"):
        mount = f"--volume={clone.project}_{volume}:/searched:ro"
        content = docker("run", "--rm", "--network=none", mount, IMAGES["tracking"], "tar", "-c", "/searched")
        assert len(content) > 10_000
        assert found_in(content) == set(), volume


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
