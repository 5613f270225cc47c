"""`./invoke reproduce` and `./invoke diff` from the record alone, on services of their own."""

import hashlib
import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lib.harness.contract.catalogue import find_labs
from lib.harness.recording import provenance
from tests.host.conftest import ROOT, Invoke, Outcome, copy_clone, one_line

SMALL = ("--quick", "--seeds", "1", "--set", "epochs=2")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a compose project with its own MLflow and journals, which are deleted at the end."""
    environment = {"COMPOSE_PROJECT_NAME": f"fearless-test-{secrets.token_hex(4)}", "MLFLOW_PORT": "5600"}
    yield environment
    subprocess.run([ROOT / "invoke", "down", "--volumes"], env=os.environ | environment, input=b"y\n", check=True)


Run = Callable[..., Outcome]


@pytest.fixture
def run(invoke: Invoke, project: dict[str, str]) -> Run:
    def call(*words: str, root: Path = ROOT, env: dict[str, str] | None = None, **options: object) -> Outcome:
        return invoke(*words, root=root, env=project | (env or {}), timeout=900, **options)

    return call


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_clone(tmp_path_factory.mktemp("reproduce") / "clone")


def test_a_run_is_reproduced_after_its_code_was_changed_and_from_another_clone(run: Run, clone: Path) -> None:
    assert run("lab", "dropout", *SMALL, root=clone).returncode == 0
    with (clone / "lib" / "mlp" / "dropout.py").open("a", encoding="utf-8") as lab:
        lab.write("\nraise SystemExit('this is not the code that ran')\n")
    again = run("reproduce", "last:dropout", root=clone)
    assert again.returncode == 0, again
    assert again.stdout.splitlines()[-1].startswith("identical (")
    shutil.rmtree(clone / "lib" / "mlp")
    assert not list((clone / ".local").glob("reproduce-*"))

    elsewhere = run("reproduce", "last:dropout")
    assert (elsewhere.returncode, elsewhere.stdout.splitlines()[-1]) == (0, again.stdout.splitlines()[-1])


def test_what_differs_is_said(run: Run) -> None:
    assert run("lab", "dropout", *SMALL, "--seed", "1").returncode == 0
    key = _key(run("reproduce", "last:dropout"))
    assert run("lab", "dropout", *SMALL, "--seed", "2").returncode == 0
    outcome = run("diff", key, "last:dropout")
    assert outcome.returncode == 1
    assert 'root seed: "1" -> "2"' in outcome.stdout
    assert "results: differs in" in outcome.stdout
    one_line(run("reproduce", "no-such-run"))


@pytest.mark.slow
def test_the_image_is_made_again_from_the_record(run: Run, tmp_path: Path) -> None:
    """The record is changed to that of an image with another lock that this engine does not have."""
    assert run("lab", "dropout", *SMALL, "--seed", "7").returncode == 0
    folder = tmp_path / "records"
    assert run("export", "last:dropout", "--out", str(folder)).returncode == 0
    (parent,) = [path.parent for path in folder.glob("*/run.json") if "trial" not in path.parent.name]
    recipe = parent / "artifacts" / "recipe.tar.gz"
    files = provenance.unpacked(recipe.read_bytes())
    files["docker/requirements/cpu.txt"] += b"# not the present lock\n"
    recipe.write_bytes(provenance.archive(files, mode=0o755))
    described = json.loads((parent / "run.json").read_text())
    described["tags"] |= {
        "lab.image": f"sha256:{'0' * 64}",
        "lab.lock_sha256": hashlib.sha256(files["docker/requirements/cpu.txt"]).hexdigest(),
        "lab.recipe_sha256": provenance.sha256_of_files(files),
    }
    (parent / "run.json").write_text(json.dumps(described))
    names = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file() and path.name != "SHA256SUMS"]
    sums = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (folder / "SHA256SUMS").write_text("".join(sums))

    elsewhere = {"COMPOSE_PROJECT_NAME": f"fearless-test-{secrets.token_hex(4)}", "MLFLOW_PORT": "5700"}
    image = f"fearless-labs/recorded:{described['tags']['lab.recipe_sha256'][:12]}"
    try:
        assert run("import", str(folder), env=elsewhere).returncode == 0
        again = run("reproduce", parent.name, env=elsewhere)
        assert again.returncode == 0, again
        assert again.stdout.splitlines()[-1].startswith("identical (")
        assert "making it again from the recorded Dockerfile and lock" in again.stderr
        labels = subprocess.run(
            ["docker", "image", "inspect", "--format", "{{json .Config.Labels}}", image],
            capture_output=True,
            check=True,
        )
        assert json.loads(labels.stdout)["org.fearless-labs.lock"] == described["tags"]["lab.lock_sha256"]
    finally:
        run("down", "--volumes", env=elsewhere, input="y\n")
        subprocess.run(["docker", "image", "rm", image], capture_output=True, check=False)


def _key(outcome: Outcome) -> str:
    """The key of the run that was reproduced."""
    assert outcome.returncode == 0, outcome
    (line,) = [line for line in outcome.stderr.splitlines() if line.startswith("Running ")]
    return line.split()[1]


@pytest.mark.slow
@pytest.mark.parametrize("lab", list(find_labs(ROOT)))
def test_every_lab_is_identical_in_another_container(run: Run, lab: str) -> None:
    first = run("lab", lab, "--quick", "--seeds", "2")
    assert first.returncode == 0, first
    again = run("reproduce", f"last:{lab}")
    assert again.returncode == 0, again
    assert again.stdout.splitlines()[-1].startswith("identical (")
