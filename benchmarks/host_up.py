"""How long `./invoke up` takes until MLflow's and Jupyter's APIs answer, and the memory of both services.

The peers are the plain servers, each alone in a container of the same images: `mlflow server` with one worker and
without job execution, and `jupyter lab`; the slower of the two counts. It runs in an instance of its own.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Sequence

from host.engine.images import LAB, TRACKING
from host.machine import ports
from tests.host.clone import instance, new_project

ROUNDS = 3
Row = tuple[str, str, str, float, str]
MLFLOW = (
    *("mlflow", "server", "--workers", "1", "--host", "0.0.0.0"),
    *("--backend-store-uri", "sqlite:////tmp/mlflow.db", "--artifacts-destination", "/tmp/artifacts"),
)
JUPYTER = ("jupyter", "lab", "--ip", "0.0.0.0", "--no-browser", "--IdentityProvider.token=bench")


def run() -> list[Row]:
    """Rows of (what, ours, peer, ours / peer, goal)."""
    taken: set[int] = set()
    for start in (15_000, 18_000):
        taken.add(ports.next_free(start, taken))
    mlflow, jupyter = sorted(taken)
    ours, plain, memory = [], [], []
    with instance(MLFLOW_PORT=str(mlflow), JUPYTER_PORT=str(jupyter)) as own:
        for _ in range(ROUNDS):
            begin = time.perf_counter()
            own.must("up")
            ours.append(time.perf_counter() - begin)
            memory.append(_memory(own.project))
            own.must("down")
            alone = [
                _plain(TRACKING.name, MLFLOW, 5000, mlflow, "/api/2.0/mlflow/experiments/search?max_results=1"),
                _plain(LAB.name, JUPYTER, 8888, jupyter, "/api/status?token=bench"),
            ]
            plain.append(max(alone))
    up, peer, used = statistics.median(ours), statistics.median(plain), statistics.median(memory)
    return [
        ("up until both answer : the slower plain server", f"{up:.1f} s", f"{peer:.1f} s", up / peer, "<= 1.1, 6 s"),
        ("memory of both services : limit", f"{used:.0f} MB", "700 MB", used / 700, "<= 1"),
    ]


def _plain(image: str, command: Sequence[str], inside: int, outside: int, path: str) -> float:
    """Seconds from `docker run` of a server until its API answers on the published port."""
    name = f"{new_project()}-plain"
    words = (
        *("docker", "run", "--detach", "--rm", "--name", name, "--publish", f"127.0.0.1:{outside}:{inside}"),
        *("--env", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false", "--entrypoint", command[0], image),
        *command[1:],
    )
    try:
        begin = time.perf_counter()
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
        while not _answers(f"http://127.0.0.1:{outside}{path}"):
            if time.perf_counter() - begin > 120:
                raise TimeoutError(f"the plain server did not answer: {' '.join(command)}")
            time.sleep(0.05)
        return time.perf_counter() - begin
    finally:
        subprocess.run(["docker", "rm", "--force", name], check=False, capture_output=True)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _memory(project: str) -> float:
    """Megabytes of both services of the project, as the engine counts them."""
    label = f"label=com.docker.compose.project={project}"
    names = subprocess.run(["docker", "ps", "-q", "--filter", label], check=True, capture_output=True, text=True)
    stats = ["docker", "stats", "--no-stream", "--format", "{{.MemUsage}}", *names.stdout.split()]
    shown = subprocess.run(stats, check=True, capture_output=True, text=True).stdout
    units = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
    return sum(float(n) * units[u] / 1e6 for n, u in re.findall(r"^([\d.]+)([KMG]iB) /", shown, re.MULTILINE))


if __name__ == "__main__":
    for row in run():
        print(*row, sep="  ")
