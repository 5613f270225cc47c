"""Fixtures of the image tests: the images that `./invoke build` made, containers and compose projects that are removed.

Nothing here touches the user's project: every compose project has a random name, its own ports and a copy of lib/.
"""

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from docker.client import DockerClient
from docker.models.containers import Container

from host.engine import images
from host.machine.labs_owner import LESSONS
from lib.harness.contract.catalogue import MINE, PACKAGES
from tests.host.images.support import IMAGES, OURS, ROOT, SERVICES, Outcome, Stack, free_port


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: builds images from nothing (minutes)")


@pytest.fixture(scope="session")
def client() -> Iterator[DockerClient]:
    """The engine. That it cannot be reached, or has not the images, is a failure, never a skip."""
    engine = DockerClient.from_env(timeout=600)  # `docker save` of an image, on a busy machine
    for target, name in IMAGES.items():
        images.present(OURS[target])  # one of an earlier version gets its name
        engine.images.get(name)
    yield engine
    engine.close()


RunIn = Callable[..., Outcome]


@pytest.fixture
def run_in(client: DockerClient) -> Iterator[RunIn]:
    """Run a command in an image as a lab runs, but without a network; wait for its end."""
    started: list[Container] = []

    def run(target: str, command: list[str], timeout: int = 300, **options: Any) -> Outcome:
        settings: dict[str, Any] = {
            "network_mode": "none",
            "read_only": True,
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges"],
            "tmpfs": {"/tmp": "mode=1777,exec"},
            "shm_size": "1g",
            "init": True,
        }
        container = client.containers.run(IMAGES[target], command, detach=True, **(settings | options))
        started.append(container)
        status = container.wait(timeout=timeout)["StatusCode"]
        return Outcome(status, container.logs().decode())

    yield run
    for container in started:
        container.remove(force=True, v=True)


MakeStack = Callable[..., Stack]


@pytest.fixture(scope="session")
def make_stack(tmp_path_factory: pytest.TempPathFactory, client: DockerClient) -> Iterator[MakeStack]:
    """Make compose projects; all their containers, networks and volumes are removed at the end."""
    made: list[Stack] = []

    def make(**environment: str) -> Stack:
        folder = tmp_path_factory.mktemp("project")
        folder.parent.parent.chmod(0o755)  # pytest's folders are the caller's alone; the services run as somebody else
        for parent in (folder, folder.parent):
            parent.chmod(0o755)
        shutil.copytree(ROOT / "lib", folder / "lib", ignore=shutil.ignore_patterns("__pycache__"))
        labs = [folder / name for name in ("labs", MINE, PACKAGES, *LESSONS)]
        (folder / "docs" / "results").mkdir(parents=True)
        uid = 1234 if os.geteuid() == 0 else os.getuid()
        for made_folder in labs:
            made_folder.mkdir()
            if os.geteuid() == 0:
                os.chown(made_folder, uid, uid)
        port = str(free_port())
        settings = {
            "TRACKING_IMAGE": IMAGES["tracking"],
            "LAB_CPU_IMAGE": IMAGES["lab-cpu"],
            "JUPYTER_TOKEN": secrets.token_hex(24),
            "JUPYTER_PORT": str(free_port()),
            "MLFLOW_PORT": port,
            "LAB_MLFLOW_URL": f"http://127.0.0.1:{port}",
            "LAB_UID": str(uid),
            "LAB_GID": str(uid),
        }
        stack = Stack(f"fearless-test-{secrets.token_hex(4)}", folder, settings | environment)
        made.append(stack)
        return stack

    yield make
    for stack in made:
        stack.compose("--profile", "*", "down", "--volumes", "--remove-orphans", "--timeout", "5", check=False)


@pytest.fixture(scope="session")
def stack(make_stack: MakeStack) -> Stack:
    """MLflow and Jupyter, healthy; shared by the tests that change nothing of one another's."""
    running = make_stack()
    running.compose("up", "--detach", "--wait", *SERVICES)
    return running
