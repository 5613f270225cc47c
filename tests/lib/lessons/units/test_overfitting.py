"""The lesson on overfitting: solutions pass, typical mistakes get their hints, the pictures' errors are right."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from lib.lessons.units.overfitting import checks, explore
from tests.lib.lessons.support import answer, solution
from tests.lib.lessons.units.mistakes import cases

POWERS = "def powers(x, degree):\n    return np.stack([x**k for k in range(degree + 1)], axis=1)\n"
FIT = f"{POWERS}\ndef fit(x, y, degree):\n    return np.linalg.lstsq(powers(x, degree), y, rcond=None)[0]\n"
MSE = f"{FIT}\ndef mse(x, y, w):\n    return np.mean((powers(x, len(w) - 1) @ w - y) ** 2)\n"
BEFORE = {"powers": "", "fit": POWERS, "mse": POWERS, "best_degree": MSE, "ridge": ""}
HEADS = {
    "powers": "def powers(x, degree):",
    "fit": f"{POWERS}\ndef fit(x, y, degree):",
    "mse": f"{POWERS}\ndef mse(x, y, w):",
    "best_degree": f"{MSE}\ndef best_degree(x, y, new_x, new_y, degrees):",
    "ridge": "def ridge(A, y, strength):",
}
PREDICTED = "predicted = powers(x, len(w) - 1) @ w\n"
NEW = "errors = [mse(new_x, new_y, fit(x, y, degree)) for degree in degrees]\n"
MISTAKES = {
    "powers": {
        "no_highest": (
            "return np.stack([x**k for k in range(degree)], axis=1)",
            "return x[:, None] ** np.arange(degree)",
        ),
        "no_constant": (
            "return np.stack([x**k for k in range(1, degree + 1)], axis=1)",
            "return np.vander(x, degree + 1, increasing=True)[:, 1:]",
        ),
        "in_rows": ("return np.stack([x**k for k in range(degree + 1)])", "return np.vander(x, degree + 1)[:, ::-1].T"),
        "backwards": ("return np.vander(x, degree + 1)", "return x[:, None] ** np.arange(degree, -1, -1)"),
        "multiples": (
            "return np.stack([x * k for k in range(degree + 1)], axis=1)",
            "return np.outer(x, np.arange(degree + 1))",
        ),
        "swapped": (
            "return np.stack([k**x for k in range(degree + 1)], axis=1)",
            "return np.arange(degree + 1) ** x[:, None]",
        ),
        "too_many": (
            "return np.stack([x**k for k in range(degree + 2)], axis=1)",
            "return np.vander(x, degree + 2, increasing=True)",
        ),
    },
    "fit": {
        "whole_answer": (
            "return np.linalg.lstsq(powers(x, degree), y, rcond=None)",
            "w, rest, rank, values = np.linalg.lstsq(powers(x, degree), y, rcond=None)\nreturn [w, rest, rank, values]",
        ),
        "backwards": (
            "return np.polyfit(x, y, degree)",
            "return np.linalg.lstsq(np.vander(x, degree + 1), y, rcond=None)[0]",
        ),
        "predictions": (
            "return np.polyval(np.polyfit(x, y, degree), x)",
            "A = powers(x, degree)\nreturn A @ np.linalg.pinv(A) @ y",
        ),
        "no_inverse": ("return powers(x, degree).T @ y", "return y @ powers(x, degree)"),
        "residuals": (
            "return y - np.polyval(np.polyfit(x, y, degree), x)",
            "A = powers(x, degree)\nreturn A @ (np.linalg.pinv(A) @ y) - y",
        ),
    },
    "mse": {
        "sum": (PREDICTED + "return np.sum((predicted - y) ** 2)", PREDICTED + "d = y - predicted\nreturn d @ d"),
        "root": (
            PREDICTED + "return np.sqrt(np.mean((predicted - y) ** 2))",
            PREDICTED + "return np.linalg.norm(predicted - y) / len(y) ** 0.5",
        ),
        "root_of_sum": (
            PREDICTED + "return np.linalg.norm(predicted - y)",
            PREDICTED + "return sum((predicted - y) ** 2) ** 0.5",
        ),
        "absolute": (
            PREDICTED + "return np.mean(np.abs(predicted - y))",
            PREDICTED + "return sum(abs(y - predicted)) / len(y)",
        ),
        "cancels": (PREDICTED + "return np.mean(predicted - y)", PREDICTED + "return np.mean(y) - np.mean(predicted)"),
        "mean_first": (
            PREDICTED + "return np.mean(predicted - y) ** 2",
            PREDICTED + "return (y.mean() - predicted.mean()) ** 2",
        ),
        "one_each": (PREDICTED + "return (predicted - y) ** 2", PREDICTED + "return abs(y - predicted) ** 2"),
        "no_answer": (PREDICTED + "return np.mean(predicted**2)", PREDICTED + "return predicted @ predicted / len(x)"),
    },
    "best_degree": {
        "training": (
            "errors = [mse(x, y, fit(x, y, degree)) for degree in degrees]\nreturn degrees[np.argmin(errors)]",
            "return min(degrees, key=lambda degree: mse(new_x, new_y, fit(new_x, new_y, degree)))",
        ),
        "place": (NEW + "return np.argmin(errors)", NEW + "return errors.index(min(errors))"),
        "error": (NEW + "return min(errors)", NEW + "return np.sort(errors)[0]"),
        "worst": (
            NEW + "return degrees[np.argmax(errors)]",
            "return max(degrees, key=lambda degree: mse(new_x, new_y, fit(x, y, degree)))",
        ),
        "last": (
            "for degree in degrees:\n    error = mse(new_x, new_y, fit(x, y, degree))\nreturn degree",
            "return degrees[-1]",
        ),
        "first": ("errors = [0]\nreturn degrees[np.argmin(errors)]", "return degrees[0]"),
    },
    "ridge": {
        "everywhere": (
            "return np.linalg.solve(A.T @ A + strength, A.T @ y)",
            "M = A.T @ A + strength * np.ones((A.shape[1], A.shape[1]))\nreturn np.linalg.inv(M) @ (A.T @ y)",
        ),
        "minus": (
            "return np.linalg.solve(A.T @ A - strength * np.eye(A.shape[1]), A.T @ y)",
            "M = A.T @ A\nM[np.diag_indices(len(M))] -= strength\nreturn np.linalg.inv(M) @ A.T @ y",
        ),
        "no_penalty": (
            "return np.linalg.solve(A.T @ A, A.T @ y)",
            "return np.linalg.lstsq(A, y, rcond=None)[0]",
        ),
        "strength_one": (
            "return np.linalg.solve(A.T @ A + np.eye(A.shape[1]), A.T @ y)",
            "return np.linalg.inv(A.T @ A + np.diag([1.0] * A.shape[1])) @ (A.T @ y)",
        ),
        "scaled": (
            "return np.linalg.solve(A.T @ A + len(A) * strength * np.eye(A.shape[1]), A.T @ y)",
            "n = len(y)\nreturn np.linalg.solve(A.T @ A / n + strength * np.eye(A.shape[1]), A.T @ y / n)",
        ),
        "no_inverse": (
            "return (A.T @ A + strength * np.eye(A.shape[1])) @ (A.T @ y)",
            "M = A.T @ A + strength * np.eye(A.shape[1])\nreturn M @ A.T @ y",
        ),
    },
}


@pytest.mark.parametrize(("exercise", "key", "code"), cases(MISTAKES, HEADS))
def test_a_mistake_gets_its_hint(exercise: str, key: str, code: str) -> None:
    assert answer("overfitting", exercise, code) == key


@pytest.mark.parametrize("exercise", checks.EXERCISES)
def test_the_solution_passes(exercise: str) -> None:
    code = f"import numpy as np\n{BEFORE[exercise]}\n{solution('03-overfitting', exercise)}"
    assert answer("overfitting", exercise, code) is None


@pytest.mark.parametrize(
    "body",
    [
        "return A.T @ np.linalg.solve(A @ A.T + strength * np.eye(len(A)), y)",
        "return np.linalg.pinv(A.T @ A + np.diag(np.full(A.shape[1], strength))) @ A.T @ y",
    ],
)
def test_other_ways_to_write_ridge_are_right(body: str) -> None:
    assert answer("overfitting", "ridge", f"def ridge(A, y, strength):\n    {body}\n") is None


def key(name: str, **fields: object) -> str:
    """Stand in for the texts: the key and its fields."""
    return " ".join([name, *(f"{field}={value}" for field, value in fields.items())])


def shown_errors(figure: Figure) -> dict[str, np.ndarray]:
    """The curves of the right picture by label, as errors."""
    lines = {str(line.get_label()): np.asarray(line.get_ydata(), float) for line in figure.axes[1].lines}
    return {label: 10 ** lines[label] for label in ("seen", "new")}


def test_the_error_on_seen_points_falls_to_nothing_and_that_on_new_ones_does_not() -> None:
    figure = Figure()
    explore.draw_degree(figure, key, degree=14, noise=0.3, points=15)
    errors = shown_errors(figure)
    assert figure.axes[0].get_title() == "title degree=14 weights=15"
    assert (np.diff(errors["seen"]) < 1e-9).all() and errors["seen"][14] <= explore.SMALLEST * 1.01
    assert errors["new"].argmin() < 6 and errors["new"][14] > 100 * errors["new"].min()


def test_without_noise_and_with_many_points_a_high_degree_does_no_harm() -> None:
    figure = Figure()
    explore.draw_degree(figure, key, degree=14, noise=0.0, points=60)
    assert shown_errors(figure)["new"][14] <= explore.SMALLEST * 1.01


def test_the_error_of_a_network_rises_to_the_threshold_and_falls_beyond() -> None:
    figure = Figure()
    explore.draw_width(figure, key, size=explore.SIZES.index(15), noise=0.3)
    new = shown_errors(figure)["new"]
    threshold = explore.SIZES.index(explore.THRESHOLD)
    assert new.argmax() == threshold and new[threshold] > 100 * new[-1]
    assert shown_errors(figure)["seen"][threshold] <= explore.SMALLEST * 1.01
