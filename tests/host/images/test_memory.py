"""A program of a service that is ended for its memory: the engine knows, and `./invoke up` says so."""

import secrets

from docker.client import DockerClient

from host.engine.compose import Container
from host.services import trouble
from tests.host.images.support import IMAGES
from tests.host.test_signals import until

KERNEL = """
import subprocess, sys
print(subprocess.run([sys.executable, "-c", "x = bytearray(300_000_000)"]).returncode, flush=True)
sys.stdin.read()
"""


def test_a_kernel_that_ran_out_of_memory_is_known_while_its_server_lives(client: DockerClient) -> None:
    name = f"fearless-test-{secrets.token_hex(4)}"
    server = client.containers.run(
        IMAGES["tracking"],
        ["python3", "-c", KERNEL],
        name=name,
        detach=True,
        stdin_open=True,
        mem_limit="64m",
        memswap_limit="64m",
        network_mode="none",
    )
    try:
        assert until(server.logs).strip() == b"-9"
        until(lambda: trouble.was_out_of_memory(name))
        jupyter = Container(name, "running", {}, (), "jupyter", image="", folder="", config="")
        (line,) = trouble.lines([jupyter], 0)
        assert "LAB_MEMORY" in line
    finally:
        server.remove(force=True)


def test_one_that_has_enough_is_not(client: DockerClient) -> None:
    server = client.containers.run(IMAGES["tracking"], ["sleep", "60"], detach=True, network_mode="none")
    try:
        assert not trouble.was_out_of_memory(server.name)
    finally:
        server.remove(force=True)
