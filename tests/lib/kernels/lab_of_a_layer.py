"""A lab whose network has one activation, which the kernels know or do not know. It says that its bits are portable."""

from __future__ import annotations

import numpy as np

from lib.harness.contract.config import Config
from lib.harness.contract.lab import Lab
from lib.harness.contract.seeds import Seed
from lib.harness.contract.trial import Log, Result
from lib.harness.running.job import Job, run_job
from lib.harness.running.worker import become
from lib.models.training import TorchClassifier


class Layer(Config):
    """Of a small network."""

    layer: str = "ReLU"


def trial(config: Layer, seed: Seed, log: Log) -> dict[str, float]:
    """Train it for an epoch."""
    import torch
    from torch import nn

    model = nn.Sequential(nn.Linear(4, 8), getattr(nn, config.layer)(), nn.Linear(8, 2))
    rng = seed.rng("data")
    inputs, labels = rng.random((20, 4), dtype=np.float32), rng.integers(0, 2, 20)
    classifier = TorchClassifier(model, torch.optim.Adam(model.parameters()), inputs, labels, 5)
    losses = classifier.epoch(np.arange(20))
    log(0, losses=losses)
    return {"loss": float(losses[-1])}


def run_alone(job: Job) -> Result:
    """Run a job in a process that has loaded no framework, as a worker does."""
    become(job.trial.runtime)
    return run_job(job)


LAB = Lab(name="layer", summary="one layer", config=Layer, trials=trial, portable={"torch": ("any",)})
