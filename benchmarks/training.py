"""How fast LeNet-5 trains, beside the usual ways to train it in the same run: python -m benchmarks.training

Fashion-MNIST, batches of 128, float32, one thread, Adam; ours writes its journal as in a lab. All sides run with the
labs' deterministic operations, take turns, and are measured in processor time, which a busy machine disturbs less; rows
give medians over the rounds. Last, how many more trials of the lenet lab two workers finish than one, in wall time.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from lib.data import fashion_mnist
from lib.harness.contract.seeds import Seed
from lib.harness.contract.trial import Runtime, Trial
from lib.harness.machine import determinism
from lib.harness.recording.journal import Journal
from lib.harness.recording.recorder import Recorder
from lib.harness.running.job import Job
from lib.harness.running.pool import Workers
from lib.models import lenet
from lib.models.training import KerasClassifier, TorchClassifier, train

BATCH = 128
PICTURES = 20 * BATCH
RATE = 1e-3
ROUNDS = 5
MEAN, DEVIATION = 0.2860, 0.3530  # of Fashion-MNIST's training pictures
TRIALS, TRIAL_EPOCHS = 4, 6

Row = tuple[str, str, str, float, str]
Epoch = Callable[[], object]


def run() -> list[Row]:
    """Rows of (what, ours, peer, ours / peer, goal)."""
    os.environ.update(determinism.environment())
    rows = two_workers()
    determinism.prepare(Runtime("torch"))
    determinism.prepare(Runtime("keras"))
    with tempfile.TemporaryDirectory() as folder:
        log = Recorder(Journal.create(Path(folder) / "run.jsonl", {"key": "bench"}))
        torch = measured({"ours": torch_ours(log), "loader": torch_loader(), "loop": torch_loop()})
        keras = measured({"ours": keras_ours(log), "fit": keras_fit(), "loop": keras_loop()})
    return [
        row("LeNet-5 in torch : per-sample DataLoader and transforms", torch, "loader", "<= 0.526"),
        row("LeNet-5 in torch : bare loop, channels last, fused Adam", torch, "loop", "<= 1.05"),
        row("LeNet-5 in Keras : model.fit", keras, "fit", "< 1"),
        row("LeNet-5 in Keras : a compiled training step, called in a loop", keras, "loop", "<= 1.05"),
        *rows,
    ]


def measured(sides: Mapping[str, Epoch]) -> dict[str, list[float]]:
    """Processor seconds of each side's epochs, in turn, after one to warm up."""
    for epoch in sides.values():
        epoch()
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(ROUNDS):
        for name, epoch in sides.items():
            begin = time.process_time()
            epoch()
            seconds[name].append(time.process_time() - begin)
    return seconds


def row(what: str, seconds: Mapping[str, list[float]], peer: str, goal: str) -> Row:
    """The row of ours and a peer: milliseconds a step, and the median of the rounds' ratios."""
    ratio = median(a / b for a, b in zip(seconds["ours"], seconds[peer], strict=True))
    ours, theirs = (f"{1000 * median(seconds[side]) / (PICTURES / BATCH):.1f} ms" for side in ("ours", peer))
    return what, ours, theirs, ratio, goal


def pictures() -> tuple[np.ndarray, np.ndarray]:
    """The first training pictures (n, 28, 28), float32 in [0, 1], and their labels."""
    split = fashion_mnist.train().first(PICTURES)
    return split.scaled(), split.labels


def plain_torch() -> Any:
    """LeNet-5 of torch's own layers, as one writes it down."""
    from torch import nn

    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)),
    )


def torch_ours(log: Recorder) -> Epoch:
    """As the labs train."""
    import torch

    images, labels = pictures()
    model = lenet.torch_lenet(lenet.initial_weights(Seed(0)))
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE, fused=True)
    classifier = TorchClassifier(model, optimizer, images[:, None], labels, BATCH)
    return lambda: list(train(classifier, 1, Seed(0), log))


def torch_loader() -> Epoch:
    """The pattern of most tutorials: a data set that transforms sample by sample, and a loader that collates them.

    Per sample it does what torchvision's FashionMNIST, ToTensor and Normalize do, by way of a PIL picture.
    """
    import torch
    from PIL import Image

    split = fashion_mnist.train().first(PICTURES)

    class Clothes(torch.utils.data.Dataset[tuple[torch.Tensor, int]]):
        def __len__(self) -> int:
            return len(split)

        def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
            image = torch.from_numpy(np.array(Image.fromarray(split.images[index])))
            image = image.view(28, 28, 1).permute(2, 0, 1).contiguous().to(torch.float32).div(255)  # ToTensor
            mean, deviation = torch.as_tensor([MEAN]), torch.as_tensor([DEVIATION])
            image = image.clone().sub_(mean.view(-1, 1, 1)).div_(deviation.view(-1, 1, 1))  # Normalize
            return image, int(split.labels[index])

    loader = torch.utils.data.DataLoader(Clothes(), BATCH, shuffle=True)
    model = plain_torch()
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)

    def epoch() -> None:
        for images, labels in loader:
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(images), labels)
            loss.backward()
            optimizer.step()

    return epoch


def torch_loop() -> Epoch:
    """The bare loop: the data set as one tensor, channels last, fused Adam; nothing is recorded."""
    import torch

    images, labels = pictures()
    inputs = torch.from_numpy(images[:, None]).contiguous(memory_format=torch.channels_last)
    targets = torch.from_numpy(labels.astype(np.int64))
    model = plain_torch().to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE, fused=True)

    def epoch() -> None:
        for index in torch.randperm(PICTURES).split(BATCH):
            loss = torch.nn.functional.cross_entropy(model(inputs[index]), targets[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return epoch


def keras_ours(log: Recorder) -> Epoch:
    """As the labs train."""
    import keras

    images, labels = pictures()
    model = lenet.keras_lenet(lenet.initial_weights(Seed(0)))
    classifier = KerasClassifier(model, keras.optimizers.Adam(RATE), images[..., None], labels, BATCH)
    return lambda: list(train(classifier, 1, Seed(0), log))


def plain_keras() -> Any:
    """LeNet-5 of Keras' layers."""
    return lenet.keras_lenet(lenet.initial_weights(Seed(0)))


def keras_fit() -> Epoch:
    """`model.fit` with its default settings."""
    import keras

    images, labels = pictures()
    keras.utils.set_random_seed(0)  # it shuffles with TensorFlow's generator
    model = plain_keras()
    model.compile(keras.optimizers.Adam(RATE), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return lambda: model.fit(images[..., None], labels, batch_size=BATCH, epochs=1, verbose=0)


def keras_loop() -> Epoch:
    """One compiled function for a training step, called for each batch of one tensor; nothing is recorded."""
    import keras
    import tensorflow as tf

    images, labels = pictures()
    inputs, targets = tf.constant(images[..., None]), tf.constant(labels.astype(np.int32))
    model, optimizer = plain_keras(), keras.optimizers.Adam(RATE)
    optimizer.build(model.trainable_variables)

    @tf.function  # type: ignore[untyped-decorator]
    def step(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            each = tf.nn.sparse_softmax_cross_entropy_with_logits(y, model(x, training=True))
            loss = tf.reduce_mean(each)
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
        return loss

    def epoch() -> None:
        order = tf.constant(np.random.default_rng(0).permutation(PICTURES).astype(np.int32))
        for first in range(0, PICTURES, BATCH):
            index = order[first : first + BATCH]
            step(tf.gather(inputs, index), tf.gather(targets, index))

    return epoch


def two_workers() -> list[Row]:
    """Trials of the lenet lab a second, with two workers and with one."""
    rates = [trials_per_second(count) for count in (2, 1)]
    what = f"trials a second, two workers : one ({len(os.sched_getaffinity(0))} cores)"
    return [(what, f"{rates[0]:.2f} /s", f"{rates[1]:.2f} /s", rates[0] / rates[1], ">= 1.8")]


def trials_per_second(count: int) -> float:
    """Trials of the lenet lab that `count` workers finish in a second, once they have loaded what they need."""
    from lib.cnn.lenet.config import LenetConfig

    with tempfile.TemporaryDirectory() as folder, Workers(count) as workers:
        workers.log = Path(folder) / "workers.log"
        jobs = []
        for number in range(count + TRIALS):
            warm_up = number < count
            changes: dict[str, Any] = {"pictures": 200, "epochs": 1} if warm_up else {"epochs": TRIAL_EPOCHS}
            config = LenetConfig(judged=500, **{"pictures": PICTURES} | changes)
            jobs.append(
                Job(
                    trial=Trial("clothes/modern", config, number, Runtime("torch"), function="clothes"),
                    run=f"bench.{number}",
                    module="lib.cnn.lenet.lab",
                    root_seed=0,
                    journal=Path(folder) / f"trial-{number}.jsonl",
                    header={"key": f"bench.{number}"},
                    files={},
                )
            )
        workers.run(jobs[:count], started=lambda job: None, ended=lambda result, worker: None)
        begin = time.perf_counter()
        results = workers.run(jobs[count:], started=lambda job: None, ended=lambda result, worker: None)
        seconds = time.perf_counter() - begin
        assert {result.status for result in results} == {"FINISHED"}, results[0].error
        return TRIALS / seconds


if __name__ == "__main__":
    for each in run():
        print(*each, sep="  ")
