"""`./invoke reproduce` and `./invoke diff` from the record alone, on services of their own."""

import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from host.engine import images
from host.machine import ports
from lib.harness.recording import provenance
from tests import tiny
from tests.host.clone import Instance, copy_clone, new_project, share_venv

SMALL = ("--quick", "--seeds", "1")


def copy_of(tmp_path_factory: pytest.TempPathFactory, name: str) -> Path:
    root = share_venv(copy_clone(tmp_path_factory.mktemp(name) / "clone"))
    tiny.add_to(root)
    return root


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """A copy of the clone with MLflow and journals of its own, which are deleted at the end."""
    made = Instance(copy_of(tmp_path_factory, "reproduce"), {"MLFLOW_PORT": str(ports.next_free(5600, set()))})
    yield made
    made.remove()


@pytest.fixture(scope="module")
def other(clone: Instance, tmp_path_factory: pytest.TempPathFactory) -> Instance:
    """Another copy, with the same MLflow and journals."""
    return replace(clone, root=copy_of(tmp_path_factory, "other"))


def test_a_run_is_reproduced_after_its_code_was_changed_and_from_another_clone(
    other: Instance, tmp_path_factory: pytest.TempPathFactory
) -> None:
    changed = replace(other, root=copy_of(tmp_path_factory, "changed"))
    changed.must("lab", "tiny", *SMALL)
    lab = changed.root / "lib" / "tiny" / "lab.py"
    another = "raise SystemExit('this is not the code that ran')"
    lab.write_text(f"{lab.read_text(encoding='utf-8')}\n{another}\n", encoding="utf-8")
    verdict = changed.must("reproduce", "last:tiny").splitlines()[-1]
    assert verdict.startswith("identical (")
    shutil.rmtree(lab.parent)
    assert not list((changed.root / ".local").glob("reproduce-*"))
    assert other.must("reproduce", "last:tiny").splitlines()[-1] == verdict


def test_the_operations_of_a_step_are_recorded_and_compared(clone: Instance, tmp_path: Path) -> None:
    clone.must("lab", "tiny", *SMALL, "--seed", "3")
    files = [tmp_path / name for name in ("a.jsonl", "b.jsonl", "c.jsonl")]
    *_, verdict, recorded, _, then = clone.must("reproduce", "last:tiny", "--ops", "--out", files[0]).splitlines()
    assert verdict.startswith("identical (")
    assert "operations of step 0:1 of trial fast, seed 0; up to there it logged the recorded values" in recorded
    assert then == "Then: ./invoke diff FILE FILE"
    for file, step in zip(files[1:], ("0:1", "5"), strict=True):
        clone.must("reproduce", "last:tiny", "--ops", "--trial", "fast, seed 0", "--step", step, "--out", file)
    assert clone.must("diff", files[0], files[1]).splitlines()[-1].startswith("identical (")
    code, out_of_diff, err = clone.invoke("diff", files[0], files[2])
    assert (code, out_of_diff) == (2, "")
    assert "compare two files of one step" in err
    code, _, err = clone.invoke("reproduce", "last:tiny", "--ops", "--step", "1000", "--out", tmp_path / "d.jsonl")
    assert code == 2
    assert "no such step" in err
    assert not (tmp_path / "d.jsonl").exists()


@pytest.mark.slow
def test_what_differs_is_said(clone: Instance) -> None:
    clone.must("lab", "tiny", *SMALL, "--seed", "1")
    code, _, err = clone.invoke("reproduce", "last:tiny", timeout=900)
    assert code == 0, err
    key = _key(err)
    clone.must("lab", "tiny", *SMALL, "--seed", "2")
    code, out, _ = clone.invoke("diff", key, "last:tiny")
    assert code == 1
    assert 'root seed: "1" -> "2"' in out
    assert "results: differs in" in out
    code, out, err = clone.invoke("reproduce", "no-such-run")
    assert (code, out, len(err.splitlines())) == (2, "", 1), err


@pytest.mark.slow
def test_the_image_is_made_again_from_the_record(clone: Instance, tmp_path: Path) -> None:
    """The record is changed to that of an image with another lock that this engine does not have."""
    clone.must("lab", "tiny", *SMALL, "--seed", "7")
    folder = tmp_path / "records"
    clone.must("export", "last:tiny", "--out", folder)
    parent = _parent(folder)
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

    elsewhere = replace(clone, project=new_project(), environment={"MLFLOW_PORT": str(ports.next_free(5700, set()))})
    image = f"fearless-labs/recorded:{described['tags']['lab.recipe_sha256'][:12]}"
    try:
        elsewhere.must("import", folder)
        code, out, err = elsewhere.invoke("reproduce", parent.name, "--image", "near", timeout=900)
        assert code == 0, err
        present = images.must_inspect(images.LAB).id
        assert re.fullmatch(rf"identical \(.*\), in another image \({present[:19]}\)", out.splitlines()[-1])
        assert "running in another image" in err
        original = _tags_of(elsewhere, parent.name, tmp_path / "original")
        near = _tags_of(elsewhere, original["lab.reproduced_by"], tmp_path / "near")
        assert (near["lab.image"], near["lab.recorded_image"]) == (present, described["tags"]["lab.image"])
        assert near["lab.reproduction"] == f"identical, in another image ({present[:19]})"
        code, out, err = elsewhere.invoke("reproduce", parent.name)
        assert (code, out) == (2, ""), err
        assert "not of this clone's history" in err
        assert "Nothing was built" in err
        code, out, err = elsewhere.invoke("reproduce", parent.name, answer="y\n", timeout=900)
        assert code == 0, err
        assert out.splitlines()[-1].startswith("identical (")
        assert "making it again from the recorded Dockerfile and lock" in err
        labels = subprocess.run(
            ["docker", "image", "inspect", "--format", "{{json .Config.Labels}}", image],
            capture_output=True,
            check=True,
        )
        assert json.loads(labels.stdout)["org.fearless-labs.lock"] == described["tags"]["lab.lock_sha256"]
    finally:
        elsewhere.remove()
        subprocess.run(["docker", "image", "rm", image], capture_output=True, check=False)


def _parent(records: Path) -> Path:
    """The folder of the lab's run in exported records."""
    (parent,) = [path.parent for path in records.glob("*/run.json") if "trial" not in path.parent.name]
    return parent


def _tags_of(clone: Instance, key: str, folder: Path) -> dict[str, str]:
    clone.must("export", key, "--out", folder)
    tags: dict[str, str] = json.loads((_parent(folder) / "run.json").read_text())["tags"]
    return tags


def _key(err: str) -> str:
    """The key of the run that was reproduced."""
    (line,) = [line for line in err.splitlines() if line.startswith("Running ")]
    return line.split()[1]


@pytest.mark.slow
@pytest.mark.parametrize("lab", ["dropout", "tf2", "seq2seq"])
def test_a_lab_is_identical_in_another_container(clone: Instance, lab: str) -> None:
    """A network by hand and in torch, TensorFlow's levels, recurrent layers with attention.

    All labs: ``./invoke claims --quick``, then ``./invoke reproduce every``.
    """
    clone.must("lab", lab, "--quick", "--seeds", "2")
    assert clone.must("reproduce", f"last:{lab}").splitlines()[-1].startswith("identical (")
