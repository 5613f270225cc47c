"""`--portable` on the host: it reaches the container, and `reproduce` says it again for a run that had it."""

import base64
from pathlib import Path
from typing import Any

import pytest

from host.command.lab import lab_arguments
from host.engine import images
from host.machine import instance
from host.records import reproduce
from host.records.recorded_image import Choice
from lib.harness.contract.catalogue import find_labs
from lib.harness.recording import provenance
from tests.host.clone import ROOT
from tests.host.options import given

LAB = next(iter(find_labs(ROOT)))


@pytest.mark.parametrize("portable", [True, False])
def test_the_option_is_passed_on(portable: bool) -> None:
    assert ("--portable" in lab_arguments(given("lab", LAB, quick=True, portable=portable))) is portable


@pytest.mark.usefixtures("without_rooms")
@pytest.mark.parametrize(
    ("tag", "expected"), [({"lab.portable": "true"}, True), ({"lab.portable": "false"}, False), ({}, False)]
)
def test_a_run_is_reproduced_with_the_code_paths_that_it_had(
    tag: dict[str, str], expected: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    called: list[list[str]] = []

    def in_container(said: list[str], **_: Any) -> int:
        called.append(said)
        return 0

    archive = base64.b64encode(provenance.archive({"lib/__init__.py": b""})).decode()
    tags = {"lab.name": LAB, "lab.seed": "3", "lab.code_sha256": "c" * 64, **tag}
    record = {"key": "key", "tags": tags, "config": {"epochs": 2}, "archives": {"code": archive}}
    monkeypatch.setattr(reproduce, "in_container", in_container)
    monkeypatch.setattr(instance, "STATE", tmp_path)
    monkeypatch.setattr(reproduce, "_record", lambda said: record)
    monkeypatch.setattr(reproduce, "choose", lambda *_: Choice(images.Built("sha256:i", "kind", 0, {})))
    assert reproduce.reproduce("key") == 0
    assert called[0][:3] == [LAB, "--seed", "3"]
    assert ("--portable" in called[0]) is expected
    assert called[1] == ["compare", "key"]
