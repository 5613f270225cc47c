"""From `./invoke lab` to the first record of a trial, beside `docker run` of the image importing the same framework.

The lab runs in an instance of its own with MLflow up, as in daily use, and is interrupted after its first record.
The host's part ends where the container is made; the rest is the container's part.
"""

from __future__ import annotations

import datetime
import json
import signal
import statistics
import subprocess
import time

from host.engine.images import LAB
from host.machine import ports
from tests.host.clone import Instance, command, instance

ROUNDS = 5
IMPORTS = {"numpy": "numpy", "torch": "torch", "keras": "tensorflow, keras"}
LIMIT = 0.5  # seconds
FIRST_RECORD = """
import json, pathlib
newest = max(pathlib.Path("/journal").glob("*-*-*"))
headers = [json.loads(trial.read_text().splitlines()[0]) for trial in newest.glob("trial-*.jsonl")]
first = min(headers, key=lambda header: header["time"])
print(json.dumps([first["time"] / 1000, first["tags"]["lab.framework"]]))
"""
Row = tuple[str, str, str, float, str]


def run() -> list[Row]:
    """Rows of (what, ours, peer, ours / peer, goal)."""
    chosen = {"MLFLOW_PORT": str(ports.next_free(15_000, set())), "JUPYTER_PORT": str(ports.next_free(18_000, set()))}
    host, container, peer = [], [], []
    with instance(**chosen) as own:
        own.must("up")
        for _ in range(ROUNDS):
            before, inside, framework = _lab(own)
            host.append(before)
            container.append(inside)
            peer.append(_bare(IMPORTS[framework]))
    ours, bare, mine = statistics.median(container), statistics.median(peer), statistics.median(host)
    what = f"container to a trial's first record : docker run importing {IMPORTS[framework]}"
    return [
        (what, f"{ours:.2f} s", f"{bare:.2f} s", ours / bare, f"<= {(bare + LIMIT) / bare:.2f}"),
        ("command to container : limit", f"{mine:.2f} s", f"{LIMIT} s", mine / LIMIT, "<= 1"),
    ]


def _lab(own: Instance) -> tuple[float, float, str]:
    """Seconds from the command to the container, from there to the first record of a trial, and its framework."""
    begin = time.time()
    lab = subprocess.Popen(
        command(own.root, "lab", "dropout", "--quick"),  # torch in all workers
        env=own.variables,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        ours = f"label=com.docker.compose.project={own.project}"
        listing = ["docker", "ps", "--quiet", "--filter", ours, "--filter", "label=com.docker.compose.service=lab"]
        while not (found := subprocess.run(listing, check=True, capture_output=True, text=True).stdout.split()):
            time.sleep(0.05)
        inspect = ["docker", "inspect", "--format", "{{.Created}}", found[0]]
        created = subprocess.run(inspect, check=True, capture_output=True, text=True).stdout.strip()
        made = datetime.datetime.fromisoformat(created[:26] + "+00:00").timestamp()
        time.sleep(8)  # long enough that looking does not slow down what is measured
        look = ["docker", "exec", found[0], "python", "-c", FIRST_RECORD]
        first, framework = json.loads(subprocess.run(look, check=True, capture_output=True, text=True).stdout)
    finally:
        lab.send_signal(signal.SIGINT)
        lab.wait()
    return made - begin, first - made, framework


def _bare(modules: str) -> float:
    """Seconds from `docker run` until a bare container of the image has imported `modules`."""
    code = f"import {modules}, time; print(time.time())"
    begin = time.time()
    words = ["docker", "run", "--rm", "--network", "none", "--entrypoint", "python", LAB.name, "-c", code]
    return float(subprocess.run(words, check=True, capture_output=True, text=True).stdout) - begin


if __name__ == "__main__":
    for row in run():
        print(*row, sep="  ")
