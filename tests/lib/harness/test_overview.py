"""`claims` and `labs`: what is current is not run again; what is printed for machines is for machines."""

from __future__ import annotations

import dataclasses
import itertools
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lib.harness.support import Clone

Measured = tuple[Clone, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def measured(clone_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Measured]:
    """A copy of the clone in which ``claims --quick`` was run once, and the table as JSON."""
    root = tmp_path_factory.mktemp("overview") / "clone"
    shutil.copytree(clone_root, root)
    journals = root / "journal"
    journals.mkdir()
    clone = Clone(root, journals)
    ended = clone.run("claims", "--quick", "--json")
    assert ended.code == 0, ended
    yield clone, json.loads(ended.out, parse_constant=pytest.fail)


def test_the_table_has_every_row_and_part(measured: Measured) -> None:
    clone, table = measured
    assert [(c["id"], c["lab"]) for c in table] == [
        ("fast-is-better", "tiny"),
        ("fast-is-better/loss", "tiny"),
        ("fast-is-better/zero", "tiny"),
        ("capped", "tiny"),
        ("capped/infinite", "tiny"),
    ]
    assert {c["seeds"] for c in table if c["kind"] == "statistical"} == {2}
    assert len(clone.runs()) == 1
    recorded = json.loads((clone.newest() / "run.files" / "claims.json").read_text())
    assert recorded == table


def test_what_is_current_is_not_run_again(measured: Measured) -> None:
    clone, table = measured
    before = clone.runs()
    ended = clone.run("claims", "--quick", "--json")
    assert (ended.code, ended.err) == (0, "")
    assert json.loads(ended.out) == table
    shown = clone.run("claims", "--quick")
    assert shown.code == 0
    for claim in table:
        assert claim["id"].split("/")[-1] in shown.out
    assert clone.runs() == before


def test_a_changed_verdict_is_exit_code_1(measured: Measured, tmp_path: Path) -> None:
    clone, table = measured
    expected = tmp_path / "expected.json"
    expected.write_text(json.dumps(table))
    ended = clone.run("claims", "--quick", "--expect", str(expected))
    assert (ended.code, ended.err) == (0, "")

    before = {c["id"]: c["verdict"] for c in table}
    table = [{**c, "verdict": "fails"} if c["id"] == "fast-is-better/zero" else c for c in table]
    table.append({"id": "gone", "verdict": "holds"})
    expected.write_text(json.dumps(table))
    ended = clone.run("claims", "--quick", "--expect", str(expected))
    assert before["fast-is-better/zero"] == "holds"
    assert ended.code == 1
    assert ended.err.splitlines() == [
        "fast-is-better/zero: expected 'fails', measured 'holds'",
        "gone: expected 'holds', measured 'not measured'",
    ]


def spoil(folder: Path, part: str) -> None:
    """Spoil a part of a run's record."""
    run, files = folder / "run.jsonl", folder / "run.files"
    match part:
        case "zeros":
            with run.open("r+b") as file:
                file.seek(100)
                file.write(bytes(4))
        case "unreadable":
            run.unlink()
            run.mkdir()
        case "empty claims":
            (files / "claims.json").write_bytes(b"")
        case "no claims":
            (files / "claims.json").unlink()
        case "code":
            (files / "code.tar.gz").write_bytes((files / "code.tar.gz").read_bytes()[:100])


@pytest.mark.parametrize("part", ["zeros", "unreadable", "empty claims", "no claims", "code"])
def test_a_damaged_record_is_one_warning_and_nothing_else(measured: Measured, part: str) -> None:
    """It is the newest one, and the verdicts are then those of the newest one that can be read."""
    clone, table = measured
    damaged = clone.journals / "20991231-235959-tiny-abcdef"
    shutil.copytree(clone.newest(), damaged)
    lines = (damaged / "run.jsonl").read_bytes().splitlines(keepends=True)
    lines[0] = re.sub(rb'"time":\d+', b'"time":9999999999999', lines[0])
    (damaged / "run.jsonl").write_bytes(b"".join(lines))
    spoil(damaged, part)
    try:
        ended = clone.run("claims", "--quick", "--json")
        assert ended.code == 0
        assert json.loads(ended.out) == table
        assert len(ended.err.splitlines()) == 1
        assert ended.err.startswith("Warning: ")
        assert damaged.name in ended.err
        assert f"./invoke forget {damaged.name}" in ended.err
        if part != "code":
            labs = clone.run("labs")
            assert (labs.code, labs.err) == (0, ended.err)
            assert "not run" not in labs.out
            assert clone.run("report", "tiny").code == 0
        resumed = clone.run("tiny", "--resume", "last:tiny")
        assert resumed.code == 2
        assert "no such run" in resumed.err.splitlines()[-1]
    finally:
        shutil.rmtree(damaged)


@pytest.mark.parametrize("text", ["", "{", "[1]", '[{"id": 1}]'])
def test_a_file_of_expectations_that_is_none_is_one_line(measured: Measured, tmp_path: Path, text: str) -> None:
    file = tmp_path / "expected.json"
    file.write_text(text)
    measured[0].run("claims", "--quick", "--expect", str(file)).assert_one_line(2, f"--expect {file}")


def test_the_labs_are_listed_with_their_last_verdicts(measured: Measured) -> None:
    clone, table = measured
    ended = clone.run("labs")
    assert (ended.code, ended.err) == (0, "")
    assert "tiny" in ended.out
    assert "Least squares in a second" in ended.out
    for claim in table:
        if "/" not in claim["id"]:
            line = next(line for line in ended.out.splitlines() if claim["id"] in line)
            assert claim["verdict"] in line


def test_the_labs_are_printed_as_json_with_their_last_verdicts(measured: Measured) -> None:
    clone, table = measured
    ended = clone.run("labs", "--json")
    assert (ended.code, ended.err) == (0, "")
    (lab,) = [lab for lab in json.loads(ended.out) if lab["name"] == "tiny"]
    assert lab["verdicts"] == {claim["id"]: claim["verdict"] for claim in table if "/" not in claim["id"]}
    assert (lab["minutes"] > 0, lab["frameworks"]) == (True, ["torch", "keras"])


def test_a_run_of_a_lab_with_a_longer_name_is_not_this_labs(measured: Measured, tmp_path: Path) -> None:
    clone, _ = measured
    other = clone.journals / "29991231-235959-not-tiny-abcdef"
    shutil.copytree(clone.newest(), other)
    text = (other / "run.jsonl").read_text()
    for field in ("experiment", "lab.name"):
        text = text.replace(f'"{field}":"tiny"', f'"{field}":"not-tiny"')
    (other / "run.jsonl").write_text(text)
    (other / "run.files" / "claims.json").write_text("[]")
    try:
        assert "not run" not in clone.run("labs").out
    finally:
        shutil.rmtree(other)


@pytest.mark.slow
def test_a_change_of_the_code_or_the_config_asks_for_a_new_run(measured: Measured) -> None:
    clone, table = measured
    before = len(clone.runs())
    more = clone.run("claims", "--quick", "--json", "--seeds", "3")
    assert more.code == 0
    assert {c["seeds"] for c in json.loads(more.out) if c["kind"] == "statistical"} == {3}
    assert len(clone.runs()) == before + 1
    with (clone.root / "lib" / "testlabs" / "tiny.py").open("a") as file:
        file.write("\n# another version\n")
    again = clone.run("claims", "--quick", "--json")
    assert again.code == 0
    assert json.loads(again.out) == table, "the same code but for a comment: the same numbers"
    assert len(clone.runs()) == before + 2
    assert "Warning" in again.err, "what a person reads goes to standard error beside JSON"


def test_code_paths_are_a_part_of_what_is_current(measured: Measured) -> None:
    clone, _ = measured
    before = clone.runs()
    for words in (("--portable",), ("--portable",), ()):
        assert clone.run("claims", "--quick", *words).code == 0
    assert len(clone.runs()) == len(before) + 1, "one with --portable, and the one without it is current still"


def test_an_image_of_the_same_content_is_current_and_another_one_is_not(measured: Measured) -> None:
    """An image that was built again, here or on another machine, has another id."""
    clone, _ = measured
    counts = [len(clone.runs())]
    for image, content in (("sha256:1", "a"), ("sha256:2", "a"), ("sha256:2", "b")):
        other = dataclasses.replace(clone, variables={"LAB_IMAGE": image, "LAB_IMAGE_CONTENT": content})
        assert other.run("claims", "--quick").code == 0
        counts.append(len(clone.runs()))
    assert [after > before for before, after in itertools.pairwise(counts)] == [True, False, True]


def test_a_claim_that_could_not_be_measured_is_exit_code_1(clone: Clone) -> None:
    ended = clone.run("claims", "--seeds", "1", "--set", "action=fail")
    assert ended.code == 1
    assert "Traceback" not in ended.out + ended.err


HEAVY = ("torch", "tensorflow", "keras", "mlflow", "scipy", "matplotlib", "pandas")


@pytest.mark.parametrize(
    ("words", "light"),
    [
        (["--help"], ("numpy", "pydantic", "rich", "loky")),
        (["tinny"], ("numpy", "pydantic", "rich", "loky")),
        (["tiny", "--set", "nothing=1"], ()),
        (["labs"], ()),
        (["sync"], ()),
    ],
)
def test_what_needs_no_framework_loads_none(clone: Clone, words: list[str], light: tuple[str, ...]) -> None:
    """`-X importtime` lists every module that a process has loaded."""
    ran = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "lib", *words],
        cwd=clone.root,
        env=clone.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    loaded = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in ran.stderr.splitlines() if "|" in line}
    assert "argparse" in loaded
    assert loaded & {*HEAVY, *light} == set()


def test_the_command_itself_loads_no_framework_before_a_trial(clone: Clone) -> None:
    """From the command to the first trial the parent waits for no framework: workers load theirs meanwhile."""
    program = "import sys; import lib.harness.commands.lab, lib.testlabs.tiny; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], cwd=clone.root, capture_output=True, text=True, check=True)
    assert not {"torch", "tensorflow", "keras", "mlflow", "scipy", "matplotlib"} & set(ran.stdout.split())
