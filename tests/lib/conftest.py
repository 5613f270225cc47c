"""What all tests of `lib` share: nothing of the caller's environment or of an earlier run changes a result."""

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling

from lib.harness.machine import determinism

# there is a process of pytest's for each core: more threads than that wait for each other most of their time
os.environ |= {name: value for name, value in determinism.environment().items() if name.endswith("_THREADS")}

# the repository may be read-only, the machine busy, and a test that failed must fail again
settings.register_profile("labs", database=None, deadline=None, derandomize=True)
settings.load_profile("labs")

CLIENT = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "120", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "7"}
"""MLflow's own settings of its client."""
APART = ("::test_a_lesson_runs[", "::test_a_lab_computes_there[")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling:
    """The tests of a file go to one process, for the fixtures they share; those of `APART` share none, and are slow."""
    scheduler = LoadFileScheduling(config, log)
    file_of = scheduler._split_scope
    scheduler._split_scope = lambda nodeid: nodeid if any(part in nodeid for part in APART) else file_of(nodeid)
    return scheduler


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: only with ./invoke test --all")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a background job of a shell has it
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _no_variables_of_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    names = "LAB_IMAGE LAB_IMAGE_CONTENT LAB_GIT_COMMIT LAB_USER LAB_MLFLOW_URL LAB_MLFLOW_STARTING LAB_ARTIFACTS"
    for name in names.split():
        monkeypatch.delenv(name, raising=False)
    for name, value in CLIENT.items():  # set back after each test: a lab's process sets its own for good
        monkeypatch.setenv(name, value)


@pytest.fixture
def keras_float64() -> Iterator[Any]:
    """Keras with float64 as its default."""
    import keras

    from tests.lib.support import keras_dtype

    with keras_dtype("float64"):
        yield keras
