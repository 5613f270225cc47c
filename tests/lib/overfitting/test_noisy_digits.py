"""Few digits with noisy labels: how many labels change, and that nothing leaks."""

import numpy as np
import pytest

from lib.data.noisy_digits import judged, noisy_digits, randomised
from lib.harness.contract.seeds import Seed


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_a_tenth_of_the_replaced_labels_stays_right_by_chance(share: float) -> None:
    n = 100_000
    labels = np.arange(n) % 10
    noisy = randomised(labels, share, np.random.default_rng(0))
    expected = 0.9 * share
    deviation = np.sqrt(expected * (1 - expected) / n)
    assert np.mean(noisy != labels) == pytest.approx(expected, abs=4 * deviation)
    assert np.bincount(noisy, minlength=10) == pytest.approx(np.full(10, n / 10), rel=0.05)


def test_all_three_splits_are_noisy_and_keep_the_digits() -> None:
    data = noisy_digits(Seed(1), 1000, 0.3)
    for part, n in ((data.train, 1000), (data.validation, 297), (data.test, 500)):
        assert part.inputs.shape == (n, 64) and part.inputs.min() >= 0 and part.inputs.max() == 1
        assert np.mean(part.labels != part.digits) == pytest.approx(0.27, abs=4 * np.sqrt(0.27 * 0.73 / n))
    clean = noisy_digits(Seed(1), 1000, 0.0)
    assert np.array_equal(clean.train.labels, clean.train.digits)


def test_more_examples_include_the_fewer() -> None:
    few, many = (noisy_digits(Seed(1), n, 0.3).train for n in (50, 200))
    for name in ("inputs", "labels", "digits"):
        assert np.array_equal(getattr(few, name), getattr(many, name)[:50])


def test_nothing_of_the_test_pictures_is_trained_or_chosen_on() -> None:
    data = noisy_digits(Seed(1), 1000, 0.3)
    seen = {row.tobytes() for row in (*data.train.inputs, *data.validation.inputs)}
    assert not any(row.tobytes() in seen for row in data.test.inputs)


def test_judged_is_torchs_loss_and_counts_errors() -> None:
    import torch

    data = noisy_digits(Seed(1), 100, 0.3)
    logits = np.random.default_rng(0).normal(size=(100, 10))
    found = judged(logits, data.train)
    for prefix, labels in (("", data.train.labels), ("true_", data.train.digits)):
        oracle = torch.nn.functional.cross_entropy(torch.from_numpy(logits), torch.from_numpy(labels))
        assert found[f"{prefix}loss"] == pytest.approx(float(oracle), abs=1e-12)
        assert found[f"{prefix}error"] == pytest.approx(np.mean(logits.argmax(axis=1) != labels))
