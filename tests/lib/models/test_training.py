"""Training: torch and Keras take the same steps, bad data and divergence are said in one line, nothing leaks."""

import numpy as np
import pytest

from lib.data import fashion_mnist
from lib.harness.contract.seeds import Seed
from lib.harness.errors import UserError
from lib.models import lenet
from lib.models.training import Classifier, DivergedError, KerasClassifier, TorchClassifier, check_data, train
from tests.lib.support import Recording

FRAMEWORKS = ("torch", "keras")
VARIANT: lenet.Variant = "modern"
WEIGHTS = {name: array.astype(np.float32) for name, array in lenet.initial_weights(Seed(3), VARIANT).items()}
SPLIT = fashion_mnist.train().first(40)
IMAGES, LABELS = SPLIT.scaled(), SPLIT.labels


def laid_out(framework: str, images: np.ndarray) -> np.ndarray:
    return images[:, None] if framework == "torch" else images[..., None]


def classifier(framework: str, rate: float = 0.1, batch: int = 16, images: np.ndarray = IMAGES) -> Classifier:
    """LeNet with plain descent."""
    if framework == "torch":
        import torch

        model = lenet.torch_lenet(WEIGHTS, VARIANT)
        optimizer = torch.optim.SGD(model.parameters(), lr=rate)
        return TorchClassifier(model, optimizer, images[:, None], LABELS, batch)
    import keras

    return KerasClassifier(
        lenet.keras_lenet(WEIGHTS, VARIANT), keras.optimizers.SGD(rate), images[..., None], LABELS, batch
    )


def weights(framework: str, of: Classifier) -> dict[str, np.ndarray]:
    return of.weights() if framework == "torch" else lenet.named_weights(list(of.weights().values()))


def test_both_frameworks_take_the_same_steps() -> None:
    """From the same weights: the same losses, the last and smaller batch included, and the same weights."""
    order = np.random.default_rng(0).permutation(40)
    pair = [classifier(framework) for framework in FRAMEWORKS]
    losses = [each.epoch(order) for each in pair]
    assert losses[0].shape == (3,) and losses[0].dtype == np.float32
    np.testing.assert_allclose(losses[0], losses[1], rtol=0, atol=1e-5)
    ends = [weights(framework, each) for framework, each in zip(FRAMEWORKS, pair, strict=True)]
    for name, start in WEIGHTS.items():
        assert not np.array_equal(ends[0][name], start)
        np.testing.assert_allclose(ends[0][name], ends[1][name], rtol=0, atol=1e-5)
    logits = [each.logits(laid_out(f, IMAGES), batch=7) for f, each in zip(FRAMEWORKS, pair, strict=True)]
    np.testing.assert_allclose(logits[0], logits[1], rtol=0, atol=1e-5)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_order_decides_and_repeats(framework: str) -> None:
    first, again, other = (
        np.concatenate(list(train(classifier(framework), 2, seed, Recording()))) for seed in (Seed(1), Seed(1), Seed(2))
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_other_inputs_take_the_place_of_the_first(framework: str) -> None:
    order = np.arange(40)
    mirrored = np.ascontiguousarray(IMAGES[:, :, ::-1])
    expected = classifier(framework, images=mirrored).epoch(order)
    replaced = classifier(framework)
    replaced.replace(laid_out(framework, mirrored))
    assert np.array_equal(replaced.epoch(order), expected)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_learning_rate_can_change(framework: str) -> None:
    still = classifier(framework)
    still.epoch(np.arange(16))
    before = still.weights()
    still.set_learning_rate(0.0)
    still.epoch(np.arange(16))
    assert all(np.array_equal(array, before[name]) for name, array in still.weights().items())


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_divergence_ends_the_training_and_keeps_what_came_before(framework: str) -> None:
    log = Recording()
    with pytest.raises(DivergedError, match=r"^diverged: the loss is (nan|inf) at step \d+; a lower learning rate"):
        for _ in train(classifier(framework, rate=1e6), 9, Seed(1), log):
            pass
    steps = [step for step, _ in log.values]
    assert steps == list(range(len(steps))) and steps
    assert np.isfinite(log.values[0][1]["losses"][0])


@pytest.mark.parametrize(
    ("images", "labels", "words"),
    [
        (IMAGES[:, 1:], LABELS, "inputs: float32 of shape (40, 27, 28): floating-point numbers of shape (n, 28 x 28)"),
        (SPLIT.images, LABELS, "inputs: uint8 of shape (40, 28, 28): floating-point numbers"),
        (IMAGES, LABELS[:-1], "labels: uint8 of shape (39,): a whole number for each of 40 inputs"),
        (IMAGES, LABELS.astype(float), "labels: float64 of shape (40,): a whole number"),
        (IMAGES, LABELS + 1, "they must be 0 to 9"),
        (IMAGES, LABELS.astype(int) - 1, "labels: -1 to 8: they must be 0 to 9"),
    ],
)
def test_bad_data_is_one_line(images: np.ndarray, labels: np.ndarray, words: str) -> None:
    with pytest.raises(UserError) as error:
        check_data(images, labels, (28, 28), 10)
    assert words in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_good_data_passes() -> None:
    check_data(IMAGES, LABELS, (28, 28), 10)
