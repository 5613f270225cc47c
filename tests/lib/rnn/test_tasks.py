"""The tasks: what is in a sequence, what its answer is, and how answers are scored."""

import numpy as np
import pytest

from lib.nlp.rnn.tasks import ASK, BLANK, GUESSED, INPUTS, SYMBOLS, TASKS, Task, draw, score

RNG = np.random.default_rng(0)


def test_adding_marks_the_ends_and_asks_for_their_sum() -> None:
    X, sums = draw("adding", 7, 50, RNG)
    assert X.shape == (8, 50, 2) and X.dtype == np.float32
    assert np.array_equal(X[:, 0, 1], [1, 0, 0, 0, 0, 0, 0, 1])
    np.testing.assert_allclose(sums, (X[:, :, 0] * X[:, :, 1]).sum(axis=0), rtol=1e-6)
    assert X[:, :, 0].min() >= 0 and X[:, :, 0].max() <= 1


@pytest.mark.parametrize("distance", [1, 2, 9])
def test_the_first_symbol_is_asked_for_at_the_end(distance: int) -> None:
    X, symbols = draw("copy", distance, 400, RNG)
    assert X.shape == (distance + 1, 400, SYMBOLS + 2)
    assert np.array_equal(X.sum(axis=2), np.ones((distance + 1, 400)))
    seen = X.argmax(axis=2)
    assert np.array_equal(seen[0], symbols) and set(symbols) == set(range(SYMBOLS))
    assert (seen[-1] == ASK).all()
    assert (seen[1:-1] == BLANK).all()


@pytest.mark.parametrize("task", TASKS)
def test_scores(task: Task) -> None:
    _, targets = draw(task, 5, 20_000, RNG)
    if task == "adding":
        right, guess = targets[:, None], np.ones((len(targets), 1))
    else:
        right = np.eye(SYMBOLS)[targets]
        guess = RNG.normal(size=right.shape)
    assert score(task, right, targets) == pytest.approx(1)
    assert score(task, guess, targets) == pytest.approx(GUESSED[task], abs=0.02)
    assert np.isnan(score(task, np.full_like(right, np.nan), targets))


def test_adding_with_the_last_number_alone_scores_a_half() -> None:
    X, sums = draw("adding", 5, 20_000, RNG)
    assert score("adding", X[-1, :, :1] + 0.5, sums) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("task", TASKS)
def test_loss_is_the_frameworks_mean(task: Task) -> None:
    import torch

    from lib.models.evaluation import cross_entropy
    from lib.nlp.rnn.tasks import OUTPUTS, loss

    X, targets = draw(task, 3, 30, RNG)
    assert X.shape[2] == INPUTS[task]
    answers = RNG.normal(size=(30, OUTPUTS[task])).astype(np.float32)
    expected = np.mean((answers[:, 0] - targets) ** 2) if task == "adding" else cross_entropy(answers, targets)
    assert loss(task, torch.from_numpy(answers), torch.from_numpy(targets)).item() == pytest.approx(expected, rel=1e-5)
