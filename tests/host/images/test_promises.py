"""Each container that compose.yaml can make, as the engine has it, against the promises of SECURITY.md."""

import re
from typing import Any

import pytest
from docker.client import DockerClient

from tests.host.images.conftest import MakeStack
from tests.host.images.support import ROOT

ROW = re.compile(r"^\| `([\w-]+)` \| (\w+) \| ([\w, -]+) \| (\w+) \| ([\w/, ]+) \|$", re.MULTILINE)
PROMISED = {name: rest for name, *rest in ROW.findall((ROOT / "SECURITY.md").read_text(encoding="utf-8"))}
"""User, networks, port and folders by the name of each container."""
MASKED = {"/proc/kcore", "/proc/keys", "/sys/firmware"}


@pytest.fixture(scope="module")
def created(client: DockerClient, make_stack: MakeStack) -> dict[str, dict[str, Any]]:
    """What the engine says of each container, none of which is started."""
    stack = make_stack()
    every = ("--profile", "*")
    stack.compose(*every, "create")
    containers = client.containers.list(all=True, filters={"label": f"com.docker.compose.project={stack.project}"})
    found = {container.labels["com.docker.compose.service"]: container.attrs for container in containers}
    found["stack"] = {"project": stack.project, "uid": stack.uid, "token": stack.environment["JUPYTER_TOKEN"]}
    stack.compose(*every, "down", "--volumes")
    return found


def test_the_page_has_every_container(created: dict[str, dict[str, Any]]) -> None:
    assert set(created) - {"stack"} == set(PROMISED)


@pytest.mark.parametrize("name", PROMISED)
def test_every_container_is_as_the_page_says(created: dict[str, dict[str, Any]], name: str) -> None:
    user, networks, port, folders = PROMISED[name]
    stack, container = created["stack"], created[name]
    host, config = container["HostConfig"], container["Config"]

    uid = {"yours": stack["uid"]}.get(user, user)
    assert config["User"] == f"{uid}:{uid}"
    assert str(uid) != "0"
    assert {given.removeprefix(f"{stack['project']}_") for given in container["NetworkSettings"]["Networks"]} == set(
        networks.split(", ")
    )
    bindings = {
        inside: [each["HostIp"] for each in outside] for inside, outside in (host["PortBindings"] or {}).items()
    }
    assert bindings == ({} if port == "none" else {f"{port}/tcp": ["127.0.0.1"]})
    written = {mount["Destination"] for mount in container["Mounts"] if mount["RW"]}
    assert written == (set() if folders == "nothing" else set(folders.split(", ")))
    assert set(host.get("Tmpfs") or {}) <= {"/tmp"}
    assert all("docker.sock" not in mount["Source"] for mount in container["Mounts"])

    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"] and not host["CapAdd"]
    assert not host["Privileged"] and not host["Devices"] and not host["DeviceRequests"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert set(host["MaskedPaths"]) >= MASKED
    assert host["Init"] is True
    assert host["Memory"] > 0 and 0 < host["PidsLimit"] <= 4096
    assert host["PidMode"] == host["UTSMode"] == host["UsernsMode"] == ""
    assert host["IpcMode"] in {"", "private"}
    assert host["NetworkMode"] == "none" or host["NetworkMode"].startswith(stack["project"])
    assert host["LogConfig"]["Config"] == {"max-size": "10m", "max-file": "2"}
    assert any(stack["token"] in variable for variable in config["Env"]) == (name == "jupyter")
    assert stack["token"] not in " ".join([*(config["Cmd"] or []), *(config["Entrypoint"] or [])])


def test_a_container_that_is_not_as_promised_is_found(created: dict[str, dict[str, Any]]) -> None:
    """The lab's, with MLflow's name: user, networks and folders are another's."""
    with pytest.raises(AssertionError):
        test_every_container_is_as_the_page_says({**created, "mlflow-port": created["lab"]}, "mlflow-port")
