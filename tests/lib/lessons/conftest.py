"""Fixtures of the lessons' tests: a learner's work in a folder of the test's own, and nobody's MLflow."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of the learner's work."""
    monkeypatch.setenv("LAB_LESSONS", str(tmp_path / "lessons"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tmp_path / "lessons" / "progress.json"
