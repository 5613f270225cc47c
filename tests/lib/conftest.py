"""What all tests of `lib` share: an environment in which no variable of the caller changes a result."""

import pytest


@pytest.fixture(autouse=True)
def _no_variables_of_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LAB_IMAGE", "LAB_GIT_COMMIT", "LAB_USER", "LAB_MLFLOW_URL", "LAB_MLFLOW_STARTING", "LAB_ARTIFACTS"):
        monkeypatch.delenv(name, raising=False)
