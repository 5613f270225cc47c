"""Records go out of one real MLflow and into another: nothing is lost, nothing is twice, nothing damaged is taken."""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lib.harness.comparing.records import last_attempts
from tests.lib.harness.conftest import ROOT
from tests.lib.harness.support import Clone, Server, end_of, finished, interrupt, params_of, tags_of


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Another MLflow, empty at first."""
    running = Server(tmp_path_factory.mktemp("elsewhere"))
    running.start()
    yield running
    running.kill()


@pytest.fixture(scope="module")
def tracked(clone_root: Path, server: Server, tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone whose one run is in `server`."""
    clone = Clone(clone_root, tmp_path_factory.mktemp("journal"), server.url)
    assert clone.run("tiny", "--quick").code == 0
    assert clone.run("sync").code == 0  # on a busy machine the run may not have waited for MLflow
    return clone


@pytest.fixture(scope="module")
def exported(tracked: Clone, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked export of that run."""
    return export(tracked, tracked.newest().name, tmp_path_factory.mktemp("export") / "records")


@pytest.fixture
def importing(tracked: Clone, elsewhere: Server) -> Clone:
    """The same clone with the other MLflow."""
    return Clone(tracked.root, tracked.journals, elsewhere.url)


def export(clone: Clone, said: str, folder: Path) -> Path:
    """The unpacked export."""
    done = subprocess.run(
        [sys.executable, "-m", "lib", "export", said],
        cwd=clone.root,
        env=clone.environment(),
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
        tar.extractall(folder)
    return folder


def test_a_run_arrives_whole_and_only_once(
    tracked: Clone, importing: Clone, server: Server, elsewhere: Server, exported: Path
) -> None:
    key = tracked.newest().name
    checked = subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=exported, check=False)
    assert checked.returncode == 0
    for line in ("1 run with 4 trials\n", "1 run with 4 trials, 5 of them there already\n"):
        ended = importing.run("import", str(exported))
        assert (ended.code, ended.out, ended.err) == (0, line, "")
    before = {name: run for name, run in server.runs().items() if name.startswith(key)}
    after = {name: run for name, run in elsewhere.runs("imported/tiny").items() if name.startswith(key)}
    assert after.keys() == before.keys()
    assert len(after) == 5
    for name, run in before.items():
        other = after[name]
        for what in ("status", "start_time", "end_time", "run_name"):
            assert other["info"][what] == run["info"][what]
        theirs = {"mlflow.parentRunId", "lab.imported"}
        assert {k: v for k, v in tags_of(other).items() if k not in theirs} == {
            k: v for k, v in tags_of(run).items() if k not in theirs
        }
        assert params_of(other) == params_of(run)
        assert elsewhere.points(other) == server.points(run)
        assert elsewhere.artifacts(other) == server.artifacts(run)
    children = [run for name, run in after.items() if name != key]
    assert {tags_of(run)["mlflow.parentRunId"] for run in children} == {after[key]["info"]["run_id"]}
    record = importing.run("record", key)
    assert json.loads(record.out)["tags"]["lab.result_digest"] == tags_of(before[key])["lab.result_digest"]


def _with_key(folder: Path, new: str, tags: dict[str, str]) -> Path:
    """Give the run of an export another key, and more tags; its digest stays what it is."""
    (old,) = (path.name for path in folder.iterdir() if path.is_dir() and "." not in path.name)
    for path in [path for path in folder.iterdir() if path.is_dir()]:
        described = json.loads((path / "run.json").read_text(encoding="utf-8").replace(old, new))
        described["tags"] |= tags
        (path / "run.json").write_text(json.dumps(described), encoding="utf-8")
        path.rename(folder / path.name.replace(old, new))
    _summed(folder, lambda _: None)
    return folder


def test_what_is_imported_is_in_quarantine(importing: Clone, elsewhere: Server, exported: Path, tmp_path: Path) -> None:
    """The lab's experiment and its model's versions stay its own: `last:tiny` is no stranger's run."""
    key = "20200101-000000-tiny-00beef"
    folder = _with_key(Path(shutil.copytree(exported, tmp_path / "records")), key, {"lab.model": "lenet"})
    ended = importing.run("import", str(folder))
    assert (ended.code, ended.err) == (0, ""), ended
    imported = elsewhere.runs("imported/tiny")
    assert sum(name.startswith(key) for name in imported) == 5
    assert {tags_of(run)["lab.imported"] for run in imported.values()} == {"true"}
    assert elsewhere.runs("tiny") == {}
    assert elsewhere.versions("lenet") == []
    importing.run("export", "last:tiny").assert_one_line(2, "last:tiny", "no finished run")
    assert json.loads(importing.run("record", key).out)["key"] == key
    again = export(importing, key, tmp_path / "again")
    assert {json.loads(path.read_bytes())["experiment"] for path in again.glob("*/run.json")} == {"tiny"}


def test_a_record_with_the_key_of_one_of_ours_is_refused_or_is_that_one(
    tracked: Clone, server: Server, exported: Path, tmp_path: Path
) -> None:
    """Whoever has seen a record knows its key: with theirs, `reproduce KEY` would mean two runs."""
    (tmp_path / "journal").mkdir()
    variables = {"LAB_ARTIFACTS": str(tmp_path / "artifacts")}
    stranger = Clone(tracked.root, tmp_path / "journal", f"sqlite:///{tmp_path}/mlflow.db", variables)
    assert stranger.run("tiny", "--quick", "--seed", "5").code == 0
    assert stranger.run("sync").code == 0
    key = tracked.newest().name
    folder = _with_key(export(stranger, stranger.newest().name, tmp_path / "records"), key, {})
    before = server.runs().keys()
    tracked.run("import", str(folder)).assert_one_line(2, key, "other results", "refused")
    ended = tracked.run("import", str(exported))
    assert (ended.code, ended.out) == (0, "1 run with 4 trials, 5 of them there already\n")
    assert server.runs().keys() == before
    assert server.runs("imported/tiny") == {}


def test_the_published_command_prints_the_digest_of_a_run(exported: Path) -> None:
    page = (ROOT / "docs" / "records.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"^(python3 -c '\n.+?')$", page, re.MULTILINE | re.DOTALL)
    assert exported.name == "records"
    printed = subprocess.run(
        ["bash", "-c", command], cwd=exported.parent, capture_output=True, text=True, check=True
    ).stdout
    runs = [json.loads(path.read_bytes()) for path in exported.glob("*/run.json")]
    (parent,) = (run["tags"] for run in runs if run["parent"] is None)
    assert printed == parent["lab.result_digest"] + "\n"
    assert {run["format"] for run in runs} == {2}


def test_a_store_that_fails_meanwhile_is_one_line_and_gets_the_rest_later(
    tracked: Clone, exported: Path, tmp_path: Path
) -> None:
    blocked = tmp_path / "blocked"
    blocked.touch()
    variables = {"LAB_ARTIFACTS": str(blocked / "artifacts")}
    clone = Clone(tracked.root, tracked.journals, f"sqlite:///{tmp_path}/mlflow.db", variables)
    clone.run("import", str(exported)).assert_one_line(2, "MLflow did not get its files", "the same command again")
    blocked.unlink()
    ended = clone.run("import", str(exported))
    assert (ended.code, ended.err) == (0, ""), ended
    assert "there already" not in ended.out


def test_a_server_that_the_same_command_starts_is_waited_for(tracked: Clone, exported: Path, tmp_path: Path) -> None:
    late = Server(tmp_path)
    clone = Clone(tracked.root, tracked.journals, late.url)
    clone.run("import", str(exported)).assert_one_line(2, "MLflow does not answer", "./invoke up")
    clone.variables["LAB_MLFLOW_STARTING"] = "1"
    process = clone.start("import", str(exported))
    late.start()
    try:
        assert end_of(process).out == "1 run with 4 trials\n"
    finally:
        late.kill()


@pytest.mark.slow
def test_all_runs_of_a_lab(tracked: Clone, server: Server, tmp_path: Path) -> None:
    folder = export(tracked, "all:tiny", tmp_path / "records")
    ended = {name for name, run in server.runs().items() if run["info"]["status"] != "RUNNING"}
    assert {path.parent.name for path in folder.glob("*/run.json")} == ended


def _change_a_byte(folder: Path) -> str:
    file = next(iter(folder.glob("*.trial-0000/artifacts/trace.jsonl")))
    file.write_bytes(file.read_bytes().replace(b"0x1.", b"0x2.", 1))
    return rf"{file.parent.parent.name}/artifacts/trace.jsonl is damaged.*export"


def _change_a_value_and_its_sum(folder: Path) -> str:
    said = _change_a_byte(folder)
    file = next(iter(folder.glob("*.trial-0000/artifacts/trace.jsonl")))
    name = file.relative_to(folder).as_posix()
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    new = [
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {name}" if line.endswith(name) else line for line in lines
    ]
    (folder / "SHA256SUMS").write_text("\n".join(new) + "\n")
    return said.split("/")[0] + ".*lab.result_digest"


def _summed(folder: Path, change: Callable[[Path], None]) -> None:
    """Change what is below a folder, and its sums with it."""
    change(folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "SHA256SUMS")
    lines = (f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(folder)}\n" for file in files)
    (folder / "SHA256SUMS").write_text("".join(lines))


def _swap(folder: Path) -> None:
    names = {"fast": "slow", "slow": "fast"}
    for path in folder.glob("*.trial-*/run.json"):
        text = path.read_text(encoding="utf-8")
        path.write_text(re.sub(r'(?<="lab.variant": ")\w+', lambda match: names[match[0]], text), encoding="utf-8")


def _swap_the_variants(folder: Path) -> str:
    _summed(folder, _swap)
    return "its trials are not what its tag lab.result_digest says"


def _change_a_config(folder: Path) -> str:
    def change(folder: Path) -> None:
        (file,) = folder.glob("*.trial-0002/artifacts/config.json")
        file.write_bytes(file.read_bytes().replace(b'"steps": 20', b'"steps": 30'))

    _summed(folder, change)
    return "its trials are not what its tag lab.result_digest says"


def _lose_a_config(folder: Path) -> str:
    def change(folder: Path) -> None:
        (file,) = folder.glob("*.trial-0002/artifacts/config.json")
        file.unlink()

    _summed(folder, change)
    return "trial-0002 has no config.json in the export"


def _forget_the_version(folder: Path) -> str:
    def change(folder: Path) -> None:
        for path in folder.glob("*/run.json"):
            path.write_text(path.read_text(encoding="utf-8").replace('"lab.trace_version": "2"', '"x": ""'))

    _summed(folder, change)
    return "its format is not its lab.trace_version"


def _lose_a_file(folder: Path) -> str:
    next(iter(folder.glob("*/metrics.jsonl"))).unlink()
    return "metrics.jsonl is missing.*export"


def _add_a_file(folder: Path) -> str:
    (folder / "more.txt").write_text("")
    return "more.txt is not in SHA256SUMS.*remove it"


def _lose_the_sums(folder: Path) -> str:
    (folder / "SHA256SUMS").unlink()
    return "no SHA256SUMS.*invoke export"


DAMAGES = [
    _change_a_byte,
    _change_a_value_and_its_sum,
    _swap_the_variants,
    _change_a_config,
    _lose_a_config,
    _forget_the_version,
    _lose_a_file,
    _add_a_file,
    _lose_the_sums,
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_export_is_refused_whole(
    importing: Clone, elsewhere: Server, exported: Path, tmp_path: Path, damage: Callable[[Path], str]
) -> None:
    folder = Path(shutil.copytree(exported, tmp_path / "records"))
    wanted = damage(folder)
    before = elsewhere.runs("imported/tiny").keys()
    ended = importing.run("import", str(folder))
    ended.assert_one_line(2)
    assert re.search(wanted, ended.err), ended.err
    assert elsewhere.runs("imported/tiny").keys() == before


def test_the_last_attempt_at_a_trial_counts() -> None:
    attempts = [f"run.trial-0007{again}" for again in ("", "-2", "-9", "-10")]
    assert last_attempts(["run", "run.trial-0006", *reversed(attempts)]) == {"run", "run.trial-0006", attempts[-1]}


@pytest.mark.slow
def test_a_run_with_trials_that_ran_again_for_their_files_arrives(
    clone: Clone, server: Server, elsewhere: Server, tmp_path: Path
) -> None:
    """They had ended well, and MLflow has them so, but of each another file was lost with the power."""
    clone.tracking = server.url
    folder, _ = interrupt(clone, settings={"seeds": 4, "steps": 20, "batch": 8, "action": "sleep"})
    measured, trained, begun = (path.with_suffix(".files") for path in finished(folder)[:3])
    (measured / "measurements.json").unlink()
    parameters = trained / "model" / "parameters.npz"
    parameters.write_bytes(parameters.read_bytes()[:-100])
    (begun / "config.json").write_bytes(b"")
    ended = clone.run("tiny", "--resume", folder.name)
    assert (ended.code, ended.err) == (0, ""), ended
    assert clone.run("sync").code == 0
    statuses = {name: run["info"]["status"] for name, run in server.runs().items() if name.startswith(folder.name)}
    for lost in (measured, trained, begun):
        assert [statuses[f"{folder.name}.{lost.stem}{again}"] for again in ("", "-2")] == ["FINISHED"] * 2
    assert list(statuses.values()).count("FINISHED") == 1 + 8 + 3
    records = export(clone, folder.name, tmp_path / "records")
    clone.tracking = elsewhere.url
    ended = clone.run("import", str(records))
    assert (ended.code, ended.out, ended.err) == (0, f"1 run with {len(statuses) - 1} trials\n", "")
    ended = clone.run("record", folder.name)
    assert (ended.code, ended.err) == (0, ""), ended


@pytest.mark.parametrize("said", ["all:nothing", "last:nothing", "20001231"])
def test_what_is_not_there_is_one_line(tracked: Clone, said: str) -> None:
    tracked.run("export", said).assert_one_line(2, said)
