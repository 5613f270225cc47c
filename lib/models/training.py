"""Training of classifiers at the speed of the hardware, the same in torch and in Keras.

The data set is in memory as one tensor and a batch is a gather by index: no object and no Python per example. In Keras
the whole epoch is one compiled function. A `Classifier` hides which framework it is:

    classifier = TorchClassifier(model, optimizer, inputs, labels, batch=128)
    for losses in train(classifier, epochs=10, seed=seed, log=log):
        …                                           # losses of the epoch's steps, float32 (steps,)
    logits = classifier.logits(test_inputs)         # eval mode, no gradients

Order of the examples: a permutation per epoch from the seed's generator ("order", epoch). The last batch may be
smaller.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from lib.harness.contract.seeds import Seed
from lib.harness.contract.trial import Log
from lib.harness.errors import UserError
from lib.kernels import choice
from lib.models import evaluation

if TYPE_CHECKING:
    import keras
    import torch

    from lib.data.pictures import Split


class DivergedError(UserError):
    """The loss is not a number any more. The trial has failed and keeps what it has recorded."""


class Classifier(Protocol):
    """A network with its optimizer and its training data. Logits are (n, classes)."""

    @property
    def examples(self) -> int:
        """Number of training examples."""

    def epoch(self, order: np.ndarray) -> np.ndarray:
        """Train on the examples with these indices (n,), batch after batch. Returns the losses, float32 (steps,)."""

    def logits(self, inputs: np.ndarray, batch: int = 500) -> np.ndarray:
        """The logits of inputs that are laid out as the training data; in eval mode, without gradients."""

    def replace(self, inputs: np.ndarray) -> None:
        """Go on with these inputs in the place of the first ones, for augmentation; the labels stay."""

    def set_learning_rate(self, rate: float) -> None:
        """Go on with this learning rate, for schedules."""

    def weights(self) -> dict[str, np.ndarray]:
        """The present weights, named, in the framework's shapes; copies."""


def check_data(inputs: np.ndarray, labels: np.ndarray, shape: Sequence[int], classes: int) -> None:
    """See that inputs are float (n, *shape), and labels whole numbers (n,) in [0, classes).

    Raises:
        UserError: they are not; it names what was found and what is needed.
    """
    if inputs.shape[1:] != tuple(shape) or not np.issubdtype(inputs.dtype, np.floating):
        wanted = " x ".join(map(str, shape))
        raise UserError(
            f"inputs: {inputs.dtype} of shape {inputs.shape}: floating-point numbers of shape (n, {wanted}) are needed"
        )
    if labels.shape != inputs.shape[:1] or not np.issubdtype(labels.dtype, np.integer):
        raise UserError(
            f"labels: {labels.dtype} of shape {labels.shape}: a whole number for each of {len(inputs)} inputs is needed"
        )
    if len(labels) and not (labels.min() >= 0 and labels.max() < classes):
        raise UserError(f"labels: {labels.min()} to {labels.max()}: they must be 0 to {classes - 1}")


def train(classifier: Classifier, epochs: int, seed: Seed, log: Log) -> Iterator[np.ndarray]:
    """Train for `epochs`; yields the losses of each epoch's steps. Logs their mean, and all of them by their hash.

    Raises:
        DivergedError: a loss is NaN or infinite. What came before is logged.
    """
    for epoch in range(epochs):
        losses = classifier.epoch(seed.rng("order", epoch).permutation(classifier.examples))
        log(epoch, loss=losses.mean(dtype=np.float64), losses=losses)
        if not np.isfinite(losses).all():
            step = epoch * len(losses) + int(np.argmin(np.isfinite(losses)))
            value = losses[~np.isfinite(losses)][0]
            raise DivergedError(f"diverged: the loss is {value} at step {step}; a lower learning rate may help")
        yield losses


def fit(
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    training: Split,
    test: Split,
    *,
    epochs: int,
    seed: Seed,
    log: Log,
    batch: int = 32,
) -> dict[str, float]:
    """Train a torch classifier of pictures, log its losses and final parameters, and test it once, at the end.

    Args:
        model: from pictures (n, height, width) in [0, 1] to logits (n, classes).
        optimizer: of the model's parameters.
        seed: of the order of the examples.

    Returns:
        ``accuracy`` and ``loss`` (cross-entropy, nats) on the test pictures.

    Raises:
        DivergedError: a loss is NaN or infinite.
    """
    classifier = TorchClassifier(model, optimizer, training.scaled(), training.labels, batch)
    for _ in train(classifier, epochs, seed, log):
        pass
    log.parameters(classifier.weights())
    logits = classifier.logits(test.scaled())
    return {
        "accuracy": evaluation.accuracy(logits, test.labels),
        "loss": evaluation.cross_entropy(logits, test.labels),
    }


class TorchClassifier:
    """A `Classifier` in torch, trained by the kernels where they are chosen and know its layers and its optimizer."""

    def __init__(self, model: torch.nn.Module, optimizer: Any, inputs: np.ndarray, labels: np.ndarray, batch: int):
        import torch

        self.model, self._optimizer, self._batch = model, optimizer, batch
        self._inputs = torch.from_numpy(inputs).to(torch.get_default_dtype())
        self._labels = torch.from_numpy(labels.astype(np.int64))
        self._kernels = choice.network(model, optimizer, max(1, min(batch, len(labels))))

    @property
    def examples(self) -> int:
        """Number of training examples."""
        return len(self._labels)

    def epoch(self, order: np.ndarray) -> np.ndarray:
        """Train on the examples with these indices (n,), batch after batch. Returns the losses, float32 (steps,)."""
        import torch

        self.model.train()
        if self._kernels is not None:
            return self._kernels.train(self._inputs.numpy(), self._labels.numpy(), order)
        losses = []
        for index in torch.from_numpy(order).split(self._batch):
            logits = self.model(self._inputs.index_select(0, index))
            loss = torch.nn.functional.cross_entropy(logits, self._labels.index_select(0, index))
            self._optimizer.zero_grad()
            loss.backward()
            self._optimizer.step()
            losses.append(loss.detach())
        return torch.stack(losses).numpy().astype(np.float32)

    def logits(self, inputs: np.ndarray, batch: int = 500) -> np.ndarray:
        """The logits of inputs that are laid out as the training data; in eval mode, without gradients."""
        import torch

        self.model.eval()
        if self._kernels is not None:
            return self._kernels.outputs(inputs)
        with torch.no_grad():
            parts = torch.from_numpy(inputs).to(torch.get_default_dtype()).split(batch)
            return torch.cat([self.model(part) for part in parts]).numpy()

    def replace(self, inputs: np.ndarray) -> None:
        """Go on with these inputs in the place of the first ones, for augmentation; the labels stay."""
        import torch

        self._inputs = torch.from_numpy(inputs).to(self._inputs.dtype)

    def set_learning_rate(self, rate: float) -> None:
        """Go on with this learning rate, for schedules."""
        for group in self._optimizer.param_groups:
            group["lr"] = rate

    def weights(self) -> dict[str, np.ndarray]:
        """The present weights, named, in torch's shapes; copies."""
        return {name: p.detach().numpy().copy() for name, p in self.model.named_parameters()}


class KerasClassifier:
    """A `Classifier` in Keras on TensorFlow: an epoch is one call of a compiled function."""

    def __init__(self, model: keras.Model, optimizer: Any, inputs: np.ndarray, labels: np.ndarray, batch: int):
        import keras
        import tensorflow as tf

        self.model, self._optimizer, self._batch = model, optimizer, batch
        self._labels = tf.constant(labels.astype(np.int32))
        self._inputs = data = tf.Variable(inputs.astype(keras.config.floatx()), trainable=False)
        targets = self._labels
        variables = model.trainable_variables
        optimizer.build(variables)

        @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
        def steps(indices: Any) -> Any:
            losses = tf.TensorArray(data.dtype, size=tf.shape(indices)[0])
            for i in tf.range(tf.shape(indices)[0]):
                index = indices[i]
                with tf.GradientTape() as tape:
                    logits = model(tf.gather(data, index), training=True)
                    each = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.gather(targets, index), logits)
                    loss = tf.reduce_mean(each)
                optimizer.apply(tape.gradient(loss, variables), variables)
                losses = losses.write(i, loss)
            return losses.stack()

        self._steps = steps

    @property
    def examples(self) -> int:
        """Number of training examples."""
        return int(self._labels.shape[0])

    def epoch(self, order: np.ndarray) -> np.ndarray:
        """Train on the examples with these indices (n,), batch after batch. Returns the losses, float32 (steps,)."""
        import tensorflow as tf

        whole = len(order) // self._batch * self._batch
        parts = [order[:whole].reshape(-1, self._batch), order[whole:].reshape(1, -1)]
        done = [self._steps(tf.constant(part.astype(np.int32))).numpy() for part in parts if part.size]
        return np.concatenate(done).astype(np.float32)

    def logits(self, inputs: np.ndarray, batch: int = 500) -> np.ndarray:
        """The logits of inputs that are laid out as the training data; as at inference."""
        parts = [inputs[i : i + batch] for i in range(0, len(inputs), batch)]
        return np.concatenate([self.model(part, training=False).numpy() for part in parts])

    def replace(self, inputs: np.ndarray) -> None:
        """Go on with these inputs in the place of the first ones, for augmentation; the labels stay."""
        self._inputs.assign(inputs)

    def set_learning_rate(self, rate: float) -> None:
        """Go on with this learning rate, for schedules."""
        self._optimizer.learning_rate = rate

    def weights(self) -> dict[str, np.ndarray]:
        """The present weights, as ``dense1/kernel``, in Keras' shapes; copies."""
        return {variable.path.partition("/")[2]: variable.numpy().copy() for variable in self.model.trainable_variables}
