"""Exercises of the lesson on optimizers: the steps of the learner's classes against those of `lib.optimizers`.

A class takes steps from eight given places with eight given gradients, so that an error in one step is not carried into
the next but by what the object remembers. What typical mistakes would give is known in closed form. No setting is a
default and every epsilon is large: a number that is hard-coded, or an epsilon in another place, changes the steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from lib.lessons.checks import Hint, Learner, relation, same
from lib.optimizers.base import Optimizer

Array = np.ndarray

RATE = 0.2
GRADIENTS = np.array(
    [[2.0, -0.3], [1.5, 0.4], [-0.5, 0.2], [0.8, -1.0], [-1.2, 0.6], [0.3, 0.1], [2.5, -0.7], [-0.4, 0.9]]
)
PLACES = np.array(
    [[5.0, 7.0], [-3.0, 4.0], [6.0, -8.0], [1.0, 9.0], [-7.0, -2.0], [4.0, 3.0], [8.0, -6.0], [-9.0, 2.0]]
)
STEPS = np.arange(1, len(GRADIENTS) + 1)[:, None]
"""The numbers t of the steps: (8, 1)."""


def running(values: Array, keep: float, share: float) -> Array:
    """`total = keep * total + share * value` after each value, from 0: the shape of `values`."""
    totals, total = [], np.zeros(values.shape[1:])
    for value in values:
        total = keep * total + share * value
        totals.append(total)
    return np.array(totals)


def late(values: Array) -> Array:
    """The values one step late, 0 in the first step."""
    return np.concatenate([np.zeros_like(values[:1]), values[:-1]])


def judged(
    learner: Learner, settings: tuple[float, ...], optimizer: Optimizer[Any], mistakes: Mapping[str, Array]
) -> Hint | None:
    """Compare the steps of the learner's class, made with RATE and `settings`, with those of `optimizer`.

    Args:
        learner: the class.
        settings: of the class, after the learning rate.
        optimizer: of the lab, with the same settings.
        mistakes: by hint, the moves (8, 2) that a mistake gives.
    """
    expected = []
    state = optimizer.init(PLACES[0])
    for place, gradient in zip(PLACES, GRADIENTS, strict=True):
        position, state = optimizer.update(gradient, state, place)
        expected.append(position - place)
    instance = learner.make(RATE, *settings)
    answers = []
    for place, gradient in zip(PLACES, GRADIENTS, strict=True):
        answers.append(learner.as_array(learner.method(instance, "step", place, gradient), (2,)))
    return hint_of(np.array(answers) - PLACES, np.array(expected), mistakes)


def hint_of(moves: Array, expected: Array, mistakes: Mapping[str, Array]) -> Hint | None:
    """The hint for moves (8, 2) from `PLACES`, given those that are expected; None where they are right."""
    if same(moves, expected):
        return None
    for key, wrong in _known(expected, mistakes):
        if same(moves, wrong):
            return Hint(key)
    kind = relation(moves, expected)
    if kind == "factor":
        return Hint("factor", ratio=kind.value)
    right = next(step for step in range(len(moves)) if not same(moves[step], expected[step]))
    return Hint("memory", right=right, step=right + 1) if right else Hint("first_step")


def _known(expected: Array, mistakes: Mapping[str, Array]) -> Iterator[tuple[str, Array]]:
    """Hints and the moves that they stand for: the mistakes, then each of them with another one that all share."""
    yield from _shared(expected)
    yield from mistakes.items()
    for wrong in mistakes.values():
        yield from _shared(wrong)


def _shared(moves: Array) -> Iterator[tuple[str, Array]]:
    """Mistakes that every optimizer allows: uphill, without the learning rate, only the step returned."""
    yield "sign", -moves
    yield "no_rate", moves / RATE
    yield "only_step", moves - PLACES
    yield "only_step", -moves - PLACES


def gradient_descent(learner: Learner) -> Hint | None:
    """A step against the gradient, as long as the learning rate says."""
    from lib.optimizers import GradientDescent

    lengths = np.linalg.norm(GRADIENTS, axis=1, keepdims=True)
    mistakes = {
        "unit_length": -RATE * GRADIENTS / lengths,
        "sign_only": -RATE * np.sign(GRADIENTS),
        "divided": -GRADIENTS / RATE,
    }
    return judged(learner, (), GradientDescent(RATE), mistakes)


def momentum(learner: Learner) -> Hint | None:
    """Velocity: what is left of the old one plus the gradient; the learning rate is outside."""
    from lib.optimizers import Momentum

    mu = 0.7
    velocity = running(GRADIENTS, mu, 1)
    mistakes = {
        "forgets": -RATE * GRADIENTS,
        "averaged": -RATE * running(GRADIENTS, mu, 1 - mu),
        "mu_on_gradient": -RATE * mu * velocity,
        "no_friction": -RATE * np.cumsum(GRADIENTS, axis=0),
        "fixed": -RATE * running(GRADIENTS, 0.9, 1),
        "rate_twice": -RATE * RATE * velocity,
        "late": -RATE * late(velocity),
        "looks_ahead": -RATE * (GRADIENTS + mu * velocity),
        "gradient_twice": -RATE * (GRADIENTS + velocity),
        "velocity_sign": -RATE * running(GRADIENTS, -mu, 1),
    }
    return judged(learner, (mu,), Momentum(RATE, momentum=mu), mistakes)


def adagrad(learner: Learner) -> Hint | None:
    """Divided by the root of the sum of all squares, coordinate by coordinate."""
    from lib.optimizers import Adagrad

    eps = 0.3
    squares = GRADIENTS**2
    total = np.cumsum(squares, axis=0)
    joint = np.cumsum(squares.sum(axis=1, keepdims=True), axis=0)

    def moves(root: Array) -> Array:
        return np.asarray(-RATE * GRADIENTS / root)

    mistakes = {
        "eps_inside": moves(np.sqrt(total + eps)),
        "no_root": moves(total + eps),
        "not_squared": moves(np.sqrt(np.cumsum(np.abs(GRADIENTS), axis=0)) + eps),
        "not_squared_no_root": moves(np.cumsum(np.abs(GRADIENTS), axis=0) + eps),
        "forgets": moves(np.abs(GRADIENTS) + eps),
        "one_for_all": moves(np.sqrt(joint) + eps),
        "late": moves(np.sqrt(late(total)) + eps),
        "averaged": moves(np.sqrt(total / STEPS) + eps),
        "no_eps": moves(np.sqrt(total)),
        "fixed": moves(np.sqrt(total) + 1e-10),
        "not_divided": -RATE * GRADIENTS,
    }
    return judged(learner, (eps,), Adagrad(RATE, eps=eps), mistakes)


def rmsprop(learner: Learner) -> Hint | None:
    """Divided by the root of the moving average of the squares."""
    from lib.optimizers import RMSprop

    alpha, eps = 0.8, 0.3
    squares = GRADIENTS**2
    average = running(squares, alpha, 1 - alpha)

    def moves(v: Array) -> Array:
        return np.asarray(-RATE * GRADIENTS / (np.sqrt(v) + eps))

    mistakes = {
        "sums": moves(np.cumsum(squares, axis=0)),
        "no_share": moves(running(squares, alpha, 1)),
        "swapped": moves(running(squares, 1 - alpha, alpha)),
        "forgets": moves((1 - alpha) * squares),
        "not_squared": moves(running(np.abs(GRADIENTS), alpha, 1 - alpha)),
        "eps_inside": -RATE * GRADIENTS / np.sqrt(average + eps),
        "no_root": -RATE * GRADIENTS / (average + eps),
        "late": moves(late(average)),
        "corrected": moves(average / (1 - alpha**STEPS)),
        "no_eps": -RATE * GRADIENTS / np.sqrt(average),
        "fixed": moves(running(squares, 0.99, 0.01)),
        "one_for_all": moves(running(squares.sum(axis=1, keepdims=True), alpha, 1 - alpha)),
        "not_divided": -RATE * GRADIENTS,
    }
    return judged(learner, (alpha, eps), RMSprop(RATE, alpha=alpha, eps=eps), mistakes)


BETA1, BETA2, EPS = 0.7, 0.8, 0.3


def corrected_in_place(values: Array, beta: float) -> Array:
    """The moving average when its correction is stored in its place, and so corrected again in the next step."""
    totals, total = [], np.zeros(values.shape[1:])
    for step, value in enumerate(values, 1):
        total = (beta * total + (1 - beta) * value) / (1 - beta**step)
        totals.append(total)
    return np.array(totals)


def adam(learner: Learner) -> Hint | None:
    """Both moving averages, both corrected, epsilon beside the corrected root."""
    from lib.optimizers import Adam

    squares = GRADIENTS**2
    m, v = running(GRADIENTS, BETA1, 1 - BETA1), running(squares, BETA2, 1 - BETA2)
    m_hat, v_hat = m / (1 - BETA1**STEPS), v / (1 - BETA2**STEPS)

    def moves(direction: Array, size: Array) -> Array:
        return np.asarray(-RATE * direction / (np.sqrt(size) + EPS))

    mistakes = {
        "no_correction": moves(m, v),
        "no_correction_m": moves(m, v_hat),
        "no_correction_v": moves(m_hat, v),
        "correction_without_t": moves(m / (1 - BETA1), v / (1 - BETA2)),
        "late_t": moves(m / (1 - BETA1 ** (STEPS + 1)), v / (1 - BETA2 ** (STEPS + 1))),
        "stored": moves(corrected_in_place(GRADIENTS, BETA1), corrected_in_place(squares, BETA2)),
        "eps_inside": -RATE * m_hat / np.sqrt(v_hat + EPS),
        "eps_early": -RATE * np.sqrt(1 - BETA2**STEPS) * m_hat / (np.sqrt(v) + EPS),
        "no_root": -RATE * m_hat / (v_hat + EPS),
        "not_squared": moves(m_hat, running(np.abs(GRADIENTS), BETA2, 1 - BETA2) / (1 - BETA2**STEPS)),
        "swapped": moves(
            running(GRADIENTS, BETA2, 1 - BETA2) / (1 - BETA2**STEPS),
            running(squares, BETA1, 1 - BETA1) / (1 - BETA1**STEPS),
        ),
        "swapped_shares": moves(
            running(GRADIENTS, 1 - BETA1, BETA1) / (1 - BETA1**STEPS),
            running(squares, 1 - BETA2, BETA2) / (1 - BETA2**STEPS),
        ),
        "no_direction": moves(GRADIENTS, v_hat),
        "forgets": moves(
            (1 - BETA1) * GRADIENTS / (1 - BETA1**STEPS), (1 - BETA2) * squares / (1 - BETA2**STEPS)
        ),
        "no_eps": -RATE * m_hat / np.sqrt(v_hat),
        "fixed": -RATE * running(GRADIENTS, 0.9, 0.1) / (1 - 0.9**STEPS)
        / (np.sqrt(running(squares, 0.999, 0.001) / (1 - 0.999**STEPS)) + EPS),
    }  # fmt: skip
    return judged(learner, (BETA1, BETA2, EPS), Adam(RATE, betas=(BETA1, BETA2), eps=EPS), mistakes)


def nadam(learner: Learner) -> Hint | None:
    """The lab's NAdam with its warm-up long over: momentum_decay so large that mu is beta1 from the first step on."""
    from lib.optimizers import NAdam

    squares = GRADIENTS**2
    m, v = running(GRADIENTS, BETA1, 1 - BETA1), running(squares, BETA2, 1 - BETA2)
    v_hat = v / (1 - BETA2**STEPS)
    now, ahead = 1 - BETA1**STEPS, 1 - BETA1 ** (STEPS + 1)
    gradient = (1 - BETA1) * GRADIENTS

    def moves(direction: Array, size: Array = v_hat) -> Array:
        return np.asarray(-RATE * direction / (np.sqrt(size) + EPS))

    mistakes = {
        "adam": moves(m / now),
        "same_t": moves(BETA1 * m / now + gradient / now),
        "both_ahead": moves(BETA1 * m / ahead + gradient / ahead),
        "crossed_t": moves(BETA1 * m / now + gradient / ahead),
        "no_correction": moves(BETA1 * m + gradient),
        "no_correction_v": moves(BETA1 * m / ahead + gradient / now, v),
        "no_gradient": moves(BETA1 * m / ahead),
        "whole_gradient": moves(BETA1 * m / ahead + GRADIENTS / now),
        "no_beta": moves(m / ahead + gradient / now),
        "old_direction": moves(BETA1 * late(m) / ahead + gradient / now),
        "not_squared": moves(
            BETA1 * m / ahead + gradient / now, running(np.abs(GRADIENTS), BETA2, 1 - BETA2) / (1 - BETA2**STEPS)
        ),
    }
    lab = NAdam(RATE, betas=(BETA1, BETA2), eps=EPS, momentum_decay=1e9)
    return judged(learner, (BETA1, BETA2, EPS), lab, mistakes)


def largest_rate(learner: Learner) -> Hint | None:
    """2/L of the ravine, to within a fortieth: what one can find by trying is enough."""
    from lib.optimizers.surfaces import ravine

    curvature = float(ravine.smoothness or 0)
    limit = 2 / curvature
    value = learner.value_number()
    if abs(value / limit - 1) <= 1 / 40:
        return None
    for key, wrong in (
        ("negative", value if value <= 0 else np.nan),
        ("one_jump", 1 / curvature),
        ("along", 2.0),
        ("along", 1.0),
        ("curvature", curvature),
        ("curvature", curvature / 2),
    ):
        if same(value, wrong):
            return Hint(key, rate=value)
    factor = 1 - curvature * value
    return Hint("too_large" if value > limit else "too_small", rate=value, factor=factor, size=abs(factor))


def adagrad_schedule(learner: Learner) -> Hint | None:
    """The lab's identity: Adam with beta1 = 0, beta2 -> 1 and this rate takes Adagrad's steps on Beale."""
    from lib.optimizers import Adagrad, Adam
    from lib.optimizers.experiments import identities
    from lib.optimizers.surfaces import beale

    lr = 0.1
    rates = np.array([learner.number(step, lr) for step in range(1, identities.STEPS + 1)])
    steps = np.arange(1.0, len(rates) + 1)
    wrong: tuple[tuple[str, Array], ...] = (
        ("constant", np.full_like(steps, rates[0])),
        ("over_t", lr / steps),
        ("grows", lr * np.sqrt(steps)),
        ("grows", lr * steps),
        ("over_square", lr / steps**2),
        ("from_zero", lr / np.sqrt(steps + 1)),
        ("no_rate", 1 / np.sqrt(steps)),
        ("sign", -lr / np.sqrt(steps)),
    )
    for key, values in wrong:
        if same(rates, values):
            return Hint(key)
    adam_with = Adam(lambda step: max(0.0, float(rates[step])), betas=(0.0, 1 - 1e-8), eps=0.0)
    start = np.array(beale.start) + np.array([[0.0, 0.0], [0.2, -0.2], [-0.1, 0.3]])
    if identities.difference(identities.both(adam_with, Adagrad(lr, eps=0.0), start)) <= 1e-6:
        return None
    kind = relation(rates, lr / np.sqrt(steps))
    if kind == "factor":
        return Hint("factor", ratio=kind.value)
    differs = int(np.argmax(~np.isclose(rates, lr / np.sqrt(steps), rtol=1e-6)))
    return Hint("other", step=differs + 1, ratio=rates[differs] / (lr / np.sqrt(differs + 1)))


EXERCISES: dict[str, Callable[[Learner], Hint | None]] = {
    "GradientDescent": gradient_descent,
    "Momentum": momentum,
    "Adagrad": adagrad,
    "RMSprop": rmsprop,
    "Adam": adam,
    "NAdam": nadam,
    "largest_rate": largest_rate,
    "adagrad_schedule": adagrad_schedule,
}
