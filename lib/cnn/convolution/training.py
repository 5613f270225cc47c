"""Row `extracts-features`, filters that are learned: LeNet-5 against an MLP with as many parameters.

Both are trained alike on Fashion-MNIST: the same pictures in the same order, for as many epochs, by Adam with a
learning rate that falls linearly to zero. Each arm has its own learning rate, chosen on validation pictures, the MLP
its depth too. Then fresh seeds; the test pictures are read once, after training, as they are and moved.

- **moved**: a convolution's response moves along with the picture, an MLP has to learn every place anew.
- **shuffled**: the pixels change places, the same way in all pictures. To an MLP that is nothing. A convolution looks
  for features among neighbours, and now has none.
- **linear**: features are good when little is left to do. A linear classifier (ridge regression, in closed form) reads
  the 784 pixels, the 400 features of the convolutions as they are learned, and as they are at the start.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lib.cnn.convolution.config import ConvolutionConfig
from lib.data import fashion_mnist
from lib.data.pictures import Split
from lib.harness.contract.claim import Claim, require_trained
from lib.harness.contract.results import Results
from lib.harness.contract.seeds import Seed
from lib.harness.contract.series import Series, packed, unpacked
from lib.harness.contract.trial import Log
from lib.models import evaluation, lenet, mlp
from lib.models.training import TorchClassifier, train

SIDE = 28
RIDGES = np.geomspace(1e-1, 1e4, 6)
"""Ridge parameters, in units of one picture; the best on validation pictures is taken."""


def hidden_widths() -> list[tuple[int, ...]]:
    """Hidden widths of MLPs of one and of two hidden layers whose parameters are the nearest to LeNet's 61,706.

    The second hidden layer is LeNet's, of 84 units.
    """
    found = []
    for rest in ((), (84,)):
        counts = {w: mlp.parameter_count((SIDE**2, w, *rest, 10)) for w in range(1, 200)}
        found.append((min(counts, key=lambda w: abs(counts[w] - lenet.PARAMETERS)), *rest))
    return found


def grid(config: ConvolutionConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Train one arm; no test picture is read."""
    return learn(config, seed.child("training", "grid"), log)[2]


def final(config: ConvolutionConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Train one arm, then read the test pictures: accuracy by how far they are moved. Also measure LeNet's features."""
    seed = seed.child("training", "final")
    start, classifier, measured = learn(config, seed, log)
    lay = layout(config, seed)
    weights = classifier.weights()
    log.parameters(weights)
    test = fashion_mnist.test().first(config.judged)
    right = [
        evaluation.right(classifier.logits(lay(shifted(test.scaled(), distance, seed))), test.labels)
        for distance in range(config.shift + 1)
    ]
    measured["test_accuracy"] = [float(np.mean(each)) for each in right]
    measured["test_right"] = [packed(each) for each in right]
    if config.arm == "cnn":
        training = fashion_mnist.train().first(config.pictures)
        validation = fashion_mnist.validation().first(config.judged)
        by_view = linear_answers({"start": start, "learned": weights}, training, validation, test)
        measured["linear"] = {name: float(np.mean(each)) for name, each in by_view.items()}
        measured["linear_right"] = {name: packed(each) for name, each in by_view.items()}
        measured["filters"] = {"start": start["conv1.weight"][:, 0], "learned": weights["conv1.weight"][:, 0]}
        measured["maps"] = [feature_maps(weights, picture) for picture in examples(test)]
    return measured


def learn(
    config: ConvolutionConfig, seed: Seed, log: Log
) -> tuple[dict[str, np.ndarray], TorchClassifier, dict[str, Any]]:
    """The weights at the start, the trained classifier, and its training losses, validation loss and accuracy."""
    import torch

    training = fashion_mnist.train().first(config.pictures)
    validation = fashion_mnist.validation().first(config.judged)
    lay = layout(config, seed)
    start = start_weights(config, seed)
    model: torch.nn.Module = lenet.torch_lenet(start) if config.arm.startswith("cnn") else mlp.torch_mlp(start)
    optimizer = torch.optim.Adam(model.parameters(), lr=config.learning_rate, fused=True)
    classifier = TorchClassifier(model, optimizer, lay(training.scaled()), training.labels, config.minibatch)
    losses = []
    for epoch, steps in enumerate(train(classifier, config.epochs, seed, log), 1):
        losses.append(float(steps.mean()))
        classifier.set_learning_rate(config.learning_rate * (1 - epoch / config.epochs))
    logits = classifier.logits(lay(validation.scaled()))
    measured: dict[str, Any] = {
        "train": losses,
        "validation_loss": evaluation.cross_entropy(logits, validation.labels),
        "validation_accuracy": evaluation.accuracy(logits, validation.labels),
        "parameters": sum(array.size for array in start.values()),
    }
    return start, classifier, measured


def start_weights(config: ConvolutionConfig, seed: Seed) -> dict[str, np.ndarray]:
    """The weights at the start of the config's network, by name."""
    if config.arm.startswith("cnn"):
        return lenet.initial_weights(seed)
    return mlp.initial_weights(seed, (SIDE**2, *config.hidden, 10))


def layout(config: ConvolutionConfig, seed: Seed) -> Callable[[np.ndarray], np.ndarray]:
    """Pictures (n, 28, 28) as the arm takes them: (n, 1, 28, 28) or (n, 784), with the pixels shuffled or not."""
    places = np.arange(SIDE**2)
    if config.arm.endswith("shuffled"):
        places = seed.rng("places").permutation(places)
    shape = (1, SIDE, SIDE) if config.arm.startswith("cnn") else (SIDE**2,)
    return lambda images: np.ascontiguousarray(images.reshape(-1, SIDE**2)[:, places]).reshape(-1, *shape)


def shifted(images: np.ndarray, distance: int, seed: Seed) -> np.ndarray:
    """Every picture moved by `distance` pixels in a direction of its own: up to that far in rows and in columns, and
    exactly that far in one of them. What leaves the frame is lost, what comes in is background."""
    steps = range(-distance, distance + 1)
    moves = np.array([(a, b) for a in steps for b in steps if max(abs(a), abs(b)) == distance])
    chosen = moves[seed.rng("shift", distance).integers(len(moves), size=len(images))]
    wide = np.pad(images, ((0, 0), (distance, distance), (distance, distance)))
    rows, columns = (np.arange(images.shape[1])[None] + distance - chosen[:, [axis]] for axis in (0, 1))
    return np.asarray(wide[np.arange(len(images))[:, None, None], rows[:, :, None], columns[:, None, :]])


def features(weights: Mapping[str, np.ndarray], images: np.ndarray, batch: int = 500) -> list[np.ndarray]:
    """Features of the convolutions of a modern LeNet with these weights: (n, 6, 28, 28) and, pooled, (n, 400)."""
    import torch
    from torch.nn import functional as f

    named = {name: torch.from_numpy(np.asarray(array, np.float32)) for name, array in weights.items()}
    first, last = [], []
    with torch.no_grad():
        for part in torch.from_numpy(images).unsqueeze(1).split(batch):
            seen = torch.relu(f.conv2d(part, named["conv1.weight"], named["conv1.bias"], padding=2))
            pooled = f.max_pool2d(seen, 2)
            pooled = f.max_pool2d(torch.relu(f.conv2d(pooled, named["conv2.weight"], named["conv2.bias"])), 2)
            first.append(seen.numpy())
            last.append(pooled.flatten(1).numpy())
    return [np.concatenate(first), np.concatenate(last)]


def linear_answers(
    networks: Mapping[str, Mapping[str, np.ndarray]], training: Split, validation: Split, test: Split
) -> dict[str, np.ndarray]:
    """Test pictures that a linear classifier recognises by the pixels and by the features of these networks."""
    splits = (training, validation, test)
    views = {"pixels": [split.scaled().reshape(len(split), -1) for split in splits]}
    views |= {name: [features(weights, split.scaled())[1] for split in splits] for name, weights in networks.items()}
    labels = [split.labels for split in splits]
    return {name: ridge_answers(view, labels) for name, view in views.items()}


def ridge_answers(inputs: Sequence[np.ndarray], labels: Sequence[np.ndarray]) -> np.ndarray:
    """Answers of the third part that ridge regression on the first gets right; its ridge is chosen on the second."""
    center, spread = inputs[0].mean(axis=0, dtype=np.float64), inputs[0].std(dtype=np.float64)
    A, *others = ((part.astype(np.float64) - center) / spread for part in inputs)
    targets = np.eye(10)[labels[0]]
    shares = targets.mean(axis=0)
    values, vectors = np.linalg.eigh(A.T @ A)
    projected = vectors.T @ (A.T @ (targets - shares))

    def right(part: int, ridge: float) -> np.ndarray:
        weights = vectors @ (projected / (values + ridge)[:, None])
        return evaluation.right(others[part - 1] @ weights + shares, labels[part])

    best = max(RIDGES, key=lambda ridge: float(np.mean(right(1, ridge))))
    return right(2, best)


def examples(split: Split) -> list[np.ndarray]:
    """The first picture of a T-shirt, a sneaker and a bag."""
    kinds = [fashion_mnist.CLASSES.index(name) for name in ("T-shirt", "sneaker", "bag")]
    return [split.scaled(slice(i, i + 1))[0] for i in (int(np.argmax(split.labels == kind)) for kind in kinds)]


def feature_maps(weights: Mapping[str, np.ndarray], picture: np.ndarray) -> dict[str, np.ndarray]:
    """A picture and the six maps that the first convolution makes of it."""
    return {"picture": np.round(picture, 4), "conv1": np.round(features(weights, picture[None])[0][0], 4)}


# Claims


TRAINED = 0.3
"""Test accuracy from which on a network has learned: three times chance."""
POINT = 0.5
"""The smallest difference that counts, in points: half a picture in a hundred, about the error of 10,000 pictures."""


def answers(results: Results, arm: str) -> Series:
    """Test pictures that an arm recognises, by distance moved: (seeds, distances, pictures), 0 and 1."""
    return results.series(f"training/{arm}", "test_right").map(lambda texts: np.stack([*map(unpacked, texts)]))


def lead(results: Results, suffix: str = "") -> Series:
    """LeNet's test accuracy minus the MLP's in points, by distance moved: (seeds, distances)."""
    cnn, other = (results.series(f"training/{arm}{suffix}", "test_accuracy") for arm in ("cnn", "mlp"))
    return 100 * (cnn - other)


def lead_by_picture(results: Results, suffix: str = "") -> Series:
    """LeNet's recognised test pictures minus the MLP's, in points: (seeds, distances, pictures).

    Raises:
        InconclusiveError: neither of them has learned anything.
    """
    cnn, other = (answers(results, f"{arm}{suffix}") for arm in ("cnn", "mlp"))
    require_trained("the better one's test accuracy", np.maximum(_accuracy(cnn), _accuracy(other)), TRAINED)
    return 100 * (cnn - other)


def _accuracy(right: Series) -> Series:
    """The accuracy on pictures as they are, of answers (seeds, distances, pictures): (seeds,)."""
    accuracy: Series = right[:, 0].mean(axis=1)
    return accuracy


def _moved(results: Results) -> Series:
    by_distance = lead_by_picture(results)
    away: Series = by_distance[:, 1:].mean(axis=1)
    return away - by_distance[:, 0]


def _linear(results: Results) -> Series:
    views = results.series("training/cnn", "linear_right")
    learned, pixels = views.map(lambda texts: unpacked(texts["learned"])), views.map(lambda t: unpacked(t["pixels"]))
    require_trained("the test accuracy on the pixels", pixels.mean(axis=1), TRAINED)
    return 100 * (learned - pixels)


CLAIMS = (
    Claim(
        "extracts-features/cnn-beats-mlp",
        role="sentence",
        measure=lambda results: lead_by_picture(results)[:, 0],
        more_than=0.0,
        smallest=POINT,
        interval="items",
    ),
    Claim(
        "extracts-features/more-so-when-moved",
        role="control",
        measure=_moved,
        more_than=0.0,
        smallest=POINT,
        interval="items",
    ),
    Claim(
        "extracts-features/neighbours",
        role="condition",
        measure=lambda results: lead_by_picture(results, "-shuffled")[:, 0],
        at_most=POINT,
        interval="items",
    ),
    Claim(
        "extracts-features/linear", role="sentence", measure=_linear, more_than=0.0, smallest=POINT, interval="items"
    ),
)
