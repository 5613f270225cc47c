"""Fixtures of the browser tests: a compose project with the notebooks, a Chromium, a folder for pictures."""

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lib.harness.contract.catalogue import MINE, PACKAGES
from tests.browser import chromium
from tests.host.images.support import IMAGES, ROOT, SERVICES, Stack, free_port


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: only with ./invoke test --all")


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """JupyterLab and MLflow, healthy, with copies of lib/ and labs/; all of it is removed at the end."""
    folder = tmp_path_factory.mktemp("project")
    for parent in (folder, *folder.parents[:2]):
        parent.chmod(0o755)  # pytest's folders are the caller's alone; the services run as somebody else
    shutil.copytree(ROOT / "lib", folder / "lib", ignore=shutil.ignore_patterns("__pycache__"))
    own = shutil.ignore_patterns(".*", "mine", "packages")  # what the user has made there
    shutil.copytree(ROOT / "labs", folder / "labs", ignore=own)
    shutil.copytree(ROOT / "docs" / "results", folder / "docs" / "results")
    for name in (MINE, PACKAGES):
        (folder / name).mkdir()
    uid = 1234 if os.geteuid() == 0 else os.getuid()
    if os.geteuid() == 0:
        for path in (folder / "labs", *(folder / "labs").rglob("*")):
            os.chown(path, uid, uid)
    mlflow_port = str(free_port())
    environment = {
        "TRACKING_IMAGE": IMAGES["tracking"],
        "LAB_CPU_IMAGE": IMAGES["lab-cpu"],
        "JUPYTER_TOKEN": secrets.token_hex(24),
        "JUPYTER_PORT": str(free_port()),
        "MLFLOW_PORT": mlflow_port,
        "LAB_MLFLOW_URL": f"http://127.0.0.1:{mlflow_port}",
        "LAB_UID": str(uid),
        "LAB_GID": str(uid),
    }
    running = Stack(f"fearless-browser-{secrets.token_hex(4)}", folder, environment)
    try:
        running.compose("up", "--detach", "--wait", *SERVICES)
        yield running
    finally:
        running.compose("down", "--volumes", "--remove-orphans", "--timeout", "5", check=False)


@pytest.fixture
def page(tmp_path: Path) -> Iterator[chromium.Page]:
    """An empty page of a new browser. That there is no Chromium is a failure, never a skip."""
    try:
        opened = chromium.Page(tmp_path)
    except FileNotFoundError as missing:
        pytest.fail(str(missing), pytrace=False)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The file for a screenshot: in LAB_SCREENSHOTS when it is set, else in a temporary folder."""
    folder = Path(os.environ.get("LAB_SCREENSHOTS") or tmp_path_factory.mktemp("screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return lambda name: folder / f"{name}.png"
