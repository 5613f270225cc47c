"""Exercises of the lesson on overfitting: polynomials by least squares, their errors, and ridge."""

from __future__ import annotations

import numpy as np

from lib.lessons.checks import Hint, Learner, same
from lib.lessons.units.mistakes import hint_for

POINTS, DEGREE = 9, 4


def powers(learner: Learner) -> Hint | None:
    """The matrix of powers from 0 up to the degree, a column each."""
    x, _ = _points()
    expected = np.polynomial.polynomial.polyvander(x, DEGREE)
    answer = learner.array(x, DEGREE)
    missing = {"no_highest": expected[:, :-1], "no_constant": expected[:, 1:], "too_many": _powers(x, DEGREE + 1)}
    for key, wrong in missing.items():
        if same(answer, wrong):
            return Hint(key)
    if same(answer, expected.T):
        return Hint("in_rows")
    answer = learner.as_array(answer, expected.shape)
    degrees = np.arange(DEGREE + 1)
    mistakes = {
        "backwards": expected[:, ::-1],
        "multiples": x[:, None] * degrees,
        "swapped": degrees ** x[:, None] if (x > 0).all() else np.full(expected.shape, np.inf),
        "only_highest": np.repeat(x[:, None] ** DEGREE, DEGREE + 1, axis=1),
    }
    return hint_for(answer, expected, mistakes)


def fit(learner: Learner) -> Hint | None:
    """The weights of least squares, compared with NumPy's own polynomials."""
    x, y = _points()
    A = _powers(x, DEGREE)
    expected = np.polynomial.polynomial.polyfit(x, y, DEGREE)
    value = learner(x, y, DEGREE)
    if isinstance(value, (tuple, list)) and len(value) == 4 and np.ndim(value[0]) == 1:
        return Hint("whole_answer")
    answer = learner.as_array(value)
    if same(answer, A @ expected):
        return Hint("predictions")
    if same(answer, y - A @ expected) or same(answer, A @ expected - y):
        return Hint("residuals")
    answer = learner.as_array(answer, expected.shape)
    mistakes = {
        "backwards": expected[::-1],
        "no_inverse": A.T @ y,
        "clean": np.linalg.lstsq(A, np.sin(3 * x), rcond=None)[0],
    }
    return hint_for(answer, expected, mistakes)


def mse(learner: Learner) -> Hint | None:
    """The mean of the squared errors, of several weights."""
    x, y = _points()
    weights = [np.array([0.5, -1.0, 2.0]), np.array([0.1, 1.5]), np.array([-0.3, 0.2, 0.4, 1.0, -2.0])]
    answers = [learner.array(x, y, w) for w in weights]
    if answers[0].shape == (POINTS,):
        return Hint("one_each")
    answer = np.array([learner.as_number(each) for each in answers])
    errors = [_powers(x, len(w) - 1) @ w - y for w in weights]
    squares = np.array([np.mean(error**2) for error in errors])
    mistakes = {
        "sum": squares * POINTS,
        "root": np.sqrt(squares),
        "root_of_sum": np.sqrt(squares * POINTS),
        "absolute": [np.mean(np.abs(error)) for error in errors],
        "cancels": [np.mean(error) for error in errors],
        "cancels_too": [-np.mean(error) for error in errors],
        "mean_first": [np.mean(error) ** 2 for error in errors],
        "no_answer": [np.mean((error + y) ** 2) for error in errors],
        "added": [np.mean((error + 2 * y) ** 2) for error in errors],
        "half": squares / 2,
        "largest": [np.max(error**2) for error in errors],
    }
    hint = hint_for(answer, squares, mistakes)
    return Hint("cancels") if hint is not None and hint.key == "cancels_too" else hint


def best_degree(learner: Learner) -> Hint | None:
    """The degree of least error on points that were not fitted, of several lists of degrees."""
    answers, expected, mistakes = [], [], dict[str, list[float]]()
    for seed, degrees in ((1, [0, 1, 3, 5, 7]), (2, [9, 7, 4, 3, 1, 0]), (3, [2, 4, 10, 6])):
        x, y, new_x, new_y = _two_samples(seed)
        weights = [np.polynomial.polynomial.polyfit(x, y, degree) for degree in degrees]
        seen = np.array([_error(x, y, w) for w in weights])
        new = np.array([_error(new_x, new_y, w) for w in weights])
        best = int(new.argmin())
        answers.append(learner.number(x, y, new_x, new_y, list(degrees)))
        expected.append(float(degrees[best]))
        wrong = {
            "training": degrees[int(seen.argmin())],
            "place": best,
            "error": new.min(),
            "worst": degrees[int(new.argmax())],
            "first": degrees[0],
            "last": degrees[-1],
            "gap": degrees[int(np.abs(new - seen).argmin())],
            "place_training": int(seen.argmin()),
        }
        for key, value in wrong.items():
            mistakes.setdefault(key, []).append(float(value))
    return hint_for(np.array(answers), np.array(expected), mistakes)


def ridge(learner: Learner) -> Hint | None:
    """The solution with a penalty, compared with the lab's, for one answer and for several at once."""
    from lib.mlp.overfitting.random_features import ridge_solutions

    rng = np.random.default_rng(5)
    A, y, strength = rng.normal(size=(20, 6)), rng.normal(size=20), 0.7
    (expected,) = ridge_solutions(A, y[:, None], (strength,))
    answer = learner.array(A, y, strength, shape=(6,))
    square, right, one = A.T @ A, A.T @ y, np.eye(6)
    mistakes = {
        "everywhere": np.linalg.solve(square + strength, right),
        "minus": np.linalg.solve(square - strength * one, right),
        "no_penalty": np.linalg.solve(square, right),
        "scaled": np.linalg.solve(square + strength * len(A) * one, right),
        "squared": np.linalg.solve(square + strength**2 * one, right),
        "strength_one": np.linalg.solve(square + one, right),
        "only_penalty": right / strength,
        "no_inverse": (square + strength * one) @ right,
    }
    hint = hint_for(answer, expected[:, 0], mistakes)
    if hint is not None:
        return hint
    classes = rng.normal(size=(20, 3))
    several = learner.array(A, classes, strength, shape=(6, 3))
    return None if same(several, ridge_solutions(A, classes, (strength,))[0]) else Hint("several")


def _points() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    x = rng.uniform(0.2, 2, POINTS)
    return x, np.sin(3 * x) + rng.normal(0, 0.3, POINTS)


def _two_samples(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Points to fit to and new ones, of the same noisy curve."""
    rng = np.random.default_rng(seed)
    x, new_x = rng.uniform(-1, 1, 15), rng.uniform(-1, 1, 60)
    y, new_y = np.sin(3 * x) + rng.normal(0, 0.3, 15), np.sin(3 * new_x) + rng.normal(0, 0.3, 60)
    return x, y, new_x, new_y


def _powers(x: np.ndarray, degree: int) -> np.ndarray:
    return np.polynomial.polynomial.polyvander(x, degree)


def _error(x: np.ndarray, y: np.ndarray, w: np.ndarray) -> float:
    return float(np.mean((_powers(x, len(w) - 1) @ w - y) ** 2))


EXERCISES = {
    "powers": powers,
    "fit": fit,
    "mse": mse,
    "best_degree": best_degree,
    "ridge": ridge,
}
