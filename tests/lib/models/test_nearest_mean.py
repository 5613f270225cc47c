"""The classifier by mean pictures, against distances that are written out."""

from __future__ import annotations

import numpy as np

from lib.data import mnist_5k
from lib.data.pictures import Split
from lib.models.nearest_mean import nearest_mean


def split(seed: int, labels: np.ndarray) -> Split:
    """Pictures of 3 x 2 pixels, brighter the larger their label."""
    noise = np.random.default_rng(seed).integers(0, 120, (len(labels), 3, 2))
    return Split((noise + 20 * labels[:, None, None]).astype(np.uint8), labels)


def test_it_names_the_class_of_the_nearest_mean_by_its_label() -> None:
    training, new = split(0, np.repeat([1, 4, 6], 5)), split(1, np.repeat([1, 4, 6], 20))
    means = {label: training.scaled(training.labels == label).mean(axis=0) for label in (1, 4, 6)}
    expected = [min(means, key=lambda label: float(((image - means[label]) ** 2).sum())) for image in new.scaled()]
    found = nearest_mean(training, new)
    assert found.tolist() == expected
    assert set(expected) == {1, 4, 6} and (found != new.labels).any(), "the pictures are neither clear nor a muddle"


def test_of_two_means_that_are_equally_near_it_names_the_first() -> None:
    training = Split(np.array([[[0]], [[200]]], dtype=np.uint8), np.array([3, 2]))
    assert nearest_mean(training, Split(np.array([[[100]]], dtype=np.uint8), np.array([0]))).tolist() == [2]


def test_of_digits_it_names_most_and_not_all() -> None:
    right = nearest_mean(mnist_5k.train(), mnist_5k.validation()) == mnist_5k.validation().labels
    assert 0.6 < right.mean() < 0.95
