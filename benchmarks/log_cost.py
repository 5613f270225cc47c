"""What recording every step costs: processor time inside the log over that of LeNet's training steps, one thread.

Beside it, what plain ``mlflow.log_metric`` costs per step against an MLflow server on the same machine.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lib.harness.contract.seeds import Seed
from lib.harness.contract.trial import Runtime
from lib.harness.machine import determinism
from lib.harness.recording.journal import Journal
from lib.harness.recording.recorder import Recorder

STEPS = 200
Row = tuple[str, str, str, float, str]


def run() -> list[Row]:
    """Rows of (what, ours, peer, ours / peer, goal)."""
    os.environ.update(determinism.environment())
    determinism.prepare(Runtime("torch"))
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal.create(Path(folder) / "run.jsonl", {"key": "bench"})
        training, ours = _train(Recorder(journal))
        with _mlflow_server(Path(folder)) as address:
            import mlflow

            mlflow.set_tracking_uri(address)
            with mlflow.start_run():
                _, theirs = _train(lambda step, loss: mlflow.log_metric("loss", loss, step))
    return [
        ("log of a step : LeNet's step (processor time)", _us(ours[0]), _us(training), ours[0] / training, "<= 0.01"),
        ("log of a step : mlflow.log_metric (wall time)", _us(ours[1]), _us(theirs[1]), ours[1] / theirs[1], ""),
    ]


def _us(seconds: float) -> str:
    return f"{seconds * 1e6:,.0f} µs"


def _train(log: Callable[..., object]) -> tuple[float, tuple[float, float]]:
    """Train LeNet for `STEPS` steps of 128 pictures.

    Returns processor seconds of a training step, and (processor, wall) seconds of logging it.
    """
    import torch

    from lib.data import fashion_mnist
    from lib.models.lenet import initial_weights, torch_lenet

    split = fashion_mnist.train().first(128 * 50)
    images = torch.from_numpy(split.scaled()).unsqueeze(1)
    labels = torch.from_numpy(split.labels.astype("int64"))
    model = torch_lenet(initial_weights(Seed(0)))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    training = processor = wall = 0.0
    for step in range(STEPS):
        batch = slice(128 * (step % 50), 128 * (step % 50 + 1))
        begin = time.process_time()
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(images[batch]), labels[batch])
        loss.backward()
        optimizer.step()
        value = loss.item()
        middle, clock = time.process_time(), time.perf_counter()
        log(step, loss=value)
        processor += time.process_time() - middle
        wall += time.perf_counter() - clock
        training += middle - begin
    return training / STEPS, (processor / STEPS, wall / STEPS)


@contextmanager
def _mlflow_server(folder: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    store = ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", str(folder / "files")]
    server = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "server", "--workers", "1", "--port", str(port), *store],
        env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{address}/health", timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield address
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    for row in run():
        print(*row, sep="  ")
