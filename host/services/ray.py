"""The Ray cluster of compose.yaml: a head and workers from the labs' image, on a network of their own."""

import os
import sys

from host.bootstrap import process
from host.bootstrap.process import reason
from host.engine import build, compose, compose_environment, docker, images
from host.engine.compose import containers
from host.machine import env_file, instance
from host.services import undo
from lib.harness.errors import UserError

HEAD, WORKER = "ray-head", "ray-worker"
READY_SECONDS = 120
# in the head's container: how many workers have joined, once they are as many as are wanted or the time is over
COUNT = """
import logging, sys, time, ray
wanted, limit, found = int(sys.argv[1]), time.monotonic() + float(sys.argv[2]), 0
while found < wanted and time.monotonic() < limit:
    time.sleep(0.2)
    try:
        if not ray.is_initialized():
            ray.init("auto", logging_level=logging.CRITICAL, log_to_driver=False)
        found = sum(node["Alive"] and "CPU" in node["Resources"] for node in ray.nodes())
    except (ConnectionError, RuntimeError):
        pass
print(found)
"""


def up(workers: int) -> int:
    """Start a head and `workers` workers and wait until they have joined. Returns the processors of each.

    Their image is built first where it is missing: `up --gpu` asks for another one.

    Raises:
        UserError: the image cannot be built, compose cannot start them, or they do not join in time.
    """
    processors = max(1, len(os.sched_getaffinity(0)) // workers)
    tracking, lab_image = build.ensure(images.TRACKING, images.LAB)
    with undo.undone(undo.made()):
        with instance.turn("services"):
            variables = compose_environment.variables(tracking, lab_image) | {"RAY_WORKER_CPUS": str(processors)}
            scale = ("--scale", f"{WORKER}={workers}")
            result = compose.call(variables, "--profile", "ray", "up", "--detach", *scale, HEAD, WORKER)
            if result.returncode:
                raise UserError(f"Compose could not start the Ray cluster: {reason(result.stderr)}")
        joined = _joined(workers)
    if joined < workers:
        print(compose.call(variables, "logs", "--tail", "15", HEAD, WORKER).stdout, file=sys.stderr)
        raise UserError(f"{joined} of {workers} workers have joined the Ray cluster; the end of their log is above")
    return processors


def _joined(wanted: int) -> int:
    """Number of workers that the head knows, once they are `wanted`, or after `READY_SECONDS`."""
    head = next((c.name for c in containers() if c.service == HEAD and c.state == "running"), None)
    if head is None:
        return 0
    command = ["docker", "exec", head, "python", "-c", COUNT, str(wanted), str(READY_SECONDS)]
    counted = process.output(command, limit=READY_SECONDS + process.ANSWER, name="docker exec ray-head")
    return int(counted.stdout) if counted.stdout.strip().isdecimal() else 0


def require(*, gpu: bool = False) -> dict[str, str]:
    """The variables of compose for a lab whose trials run on Ray, on GPUs if asked for.

    Raises:
        UserError: there is no engine, or no cluster, or none that may have GPUs: compose's has none.
    """
    elsewhere = bool(env_file.setting_and_place("RAY_ADDRESS")[0])
    if gpu and not elsewhere:
        raise UserError(
            "--gpu --on ray: workers with GPUs are a cluster of yours: set RAY_ADDRESS=ray://HOST:10001 "
            "(docs/cluster.md); --gpu alone spreads the trials over the GPUs of this machine"
        )
    docker.require()
    if elsewhere:
        return {"LAB_RAY_NETWORK": "web"}  # this lab needs a way out
    if not any(c.service == HEAD and c.state == "running" for c in containers()):
        raise UserError(
            "--on ray: there is no Ray cluster: ./invoke up --workers 2, or set RAY_ADDRESS=ray://HOST:10001"
        )
    return {}


def print_ready(workers: int, processors: int) -> None:
    """Say that the cluster is ready, and what to do with it."""
    print(f"Ray                {workers} x {processors} trials at a time: ./invoke lab NAME --on ray")
