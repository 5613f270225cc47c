"""Lesson 18: typical mistakes get the hint that is meant, however they are written; the folded solutions pass."""

import numpy as np
import pytest

from lib.lessons.units.optimizers import checks
from lib.lessons.units.optimizers.explore import FAR, LANDSCAPES, RULES, make, path_of
from tests.lib.lessons.support import answer, solution


def descent(*step: str) -> str:
    return _class("GradientDescent", "lr", "self.lr = lr", step)


def momentum(*step: str) -> str:
    return _class("Momentum", "lr, mu=0.9", "self.lr, self.mu, self.b = lr, mu, 0.0", step)


def adagrad(*step: str) -> str:
    return _class("Adagrad", "lr, eps=1e-10", "self.lr, self.eps, self.G = lr, eps, 0.0", step)


def rmsprop(*step: str) -> str:
    start = "self.lr, self.a, self.eps, self.v = lr, alpha, eps, 0.0"
    return _class("RMSprop", "lr, alpha=0.99, eps=1e-8", start, step)


def adam(*step: str, name: str = "Adam") -> str:
    start = "self.lr, self.b1, self.b2, self.eps, self.m, self.v, self.t = lr, beta1, beta2, eps, 0.0, 0.0, 0"
    return _class(name, "lr, beta1=0.9, beta2=0.999, eps=1e-8", start, step)


def nadam(*step: str) -> str:
    return adam(*step, name="NAdam")


def _class(name: str, arguments: str, start: str, step: tuple[str, ...]) -> str:
    head = ["import numpy as np", f"class {name}:", f"    def __init__(self, {arguments}):", f"        {start}"]
    return "\n".join([*head, "    def step(self, theta, g):", *(f"        {line}" for line in step)])


M = "self.m = self.b1 * self.m + (1 - self.b1) * g"
V = "self.v = self.b2 * self.v + (1 - self.b2) * g**2"
T = "self.t += 1"
MH, VH = "mh = self.m / (1 - self.b1**self.t)", "vh = self.v / (1 - self.b2**self.t)"
IN_M, IN_V = MH.replace("mh", "self.m"), VH.replace("vh", "self.v")
TWICE_M = "self.m = (1 - self.b1) * self.m + self.b1 * g"
TWICE_V = "self.v = (1 - self.b2) * self.v + self.b2 * g**2"
OTHER_M, OTHER_V = "self.m += self.b1 * (g - self.m)", "self.v += self.b2 * (g**2 - self.v)"
EARLY = "s = (np.sqrt(self.v) + self.eps) / (1 - self.b2**self.t) ** 0.5"
EARLY_RATE = "rate = self.lr * np.sqrt(1 - self.b2**self.t)"
NOW, AHEAD = "now = 1 - self.b1**self.t", "ahead = 1 - self.b1 ** (self.t + 1)"
MIXED = "mixed = self.b1 * self.m + (1 - self.b1) * g"
ADAM = "return theta - self.lr * mh / (np.sqrt(vh) + self.eps)"
END = "return theta - self.lr * n / (np.sqrt(vh) + self.eps)"
B, MOVE = "self.b = self.mu * self.b + g", "return theta - self.lr * self.b"
G, DIVIDE = "self.G = self.G + g**2", "return theta - self.lr * g / (np.sqrt(self.G) + self.eps)"
A, BY_A = "self.v = self.a * self.v + (1 - self.a) * g**2", "return theta - self.lr * g / (np.sqrt(self.v) + self.eps)"

MISTAKES = [
    ("GradientDescent", "sign", descent("return theta + self.lr * g")),
    ("GradientDescent", "sign", descent("step = -self.lr * g", "return theta - step")),
    ("GradientDescent", "no_rate", descent("return theta - g")),
    ("GradientDescent", "no_rate", descent("return np.subtract(theta, g)")),
    ("GradientDescent", "only_step", descent("return self.lr * g")),
    ("GradientDescent", "only_step", descent("return -(g * self.lr)")),
    ("GradientDescent", "unit_length", descent("return theta - self.lr * g / np.linalg.norm(g)")),
    ("GradientDescent", "unit_length", descent("return theta - self.lr * g / np.sqrt((g**2).sum())")),
    ("GradientDescent", "divided", descent("return theta - g / self.lr")),
    ("GradientDescent", "divided", descent("return theta - (1 / self.lr) * g")),
    ("GradientDescent", "mutated", descent("theta -= self.lr * g", "return theta")),
    ("GradientDescent", "mutated", descent("theta[:] = theta - self.lr * g", "return theta")),
    ("GradientDescent", "nothing", descent("theta = theta - self.lr * g")),
    ("GradientDescent", "printed", descent("print(theta - self.lr * g)")),
    ("Momentum", "forgets", momentum("b = self.mu * self.b + g", "return theta - self.lr * b")),
    ("Momentum", "forgets", momentum("self.b = g", MOVE)),
    ("Momentum", "averaged", momentum("self.b = self.mu * self.b + (1 - self.mu) * g", MOVE)),
    ("Momentum", "averaged", momentum("self.b = g + self.mu * (self.b - g)", MOVE)),
    ("Momentum", "mu_on_gradient", momentum("self.b = self.mu * (self.b + g)", MOVE)),
    ("Momentum", "mu_on_gradient", momentum("self.b = self.mu * self.b + self.mu * g", MOVE)),
    ("Momentum", "no_friction", momentum("self.b = self.b + g", MOVE)),
    ("Momentum", "no_friction", momentum("self.b += g", MOVE)),
    ("Momentum", "sign", momentum(B, "return theta + self.lr * self.b")),
    ("Momentum", "sign", momentum("self.b = self.mu * self.b - g", MOVE)),
    ("Momentum", "rate_twice", momentum("self.b = self.mu * self.b + self.lr * g", MOVE)),
    ("Momentum", "rate_twice", momentum(B, "return theta - self.lr * (self.lr * self.b)")),
    ("Momentum", "late", momentum("old = self.b", B, "return theta - self.lr * old")),
    ("Momentum", "late", momentum("new = theta - self.lr * self.b", B, "return new")),
    ("Momentum", "fixed", momentum("self.b = 0.9 * self.b + g", MOVE)),
    ("Momentum", "fixed", momentum("self.b = self.b - 0.1 * self.b + g", MOVE)),
    ("Momentum", "no_rate", momentum(B, "return theta - self.b")),
    ("Momentum", "no_rate", momentum("self.b = g + self.b * self.mu", "return -self.b + theta")),
    ("Adagrad", "eps_inside", adagrad(G, "return theta - self.lr * g / np.sqrt(self.G + self.eps)")),
    ("Adagrad", "eps_inside", adagrad(G, "return theta - self.lr * g * (self.G + self.eps) ** -0.5")),
    ("Adagrad", "no_root", adagrad(G, "return theta - self.lr * g / (self.G + self.eps)")),
    ("Adagrad", "no_root", adagrad(G, "return theta - self.lr * g / (self.eps + np.abs(self.G))")),
    ("Adagrad", "not_squared", adagrad("self.G = self.G + abs(g)", DIVIDE)),
    ("Adagrad", "not_squared", adagrad("self.G += np.sqrt(g**2)", DIVIDE)),
    ("Adagrad", "forgets", adagrad("self.G = g**2", DIVIDE)),
    ("Adagrad", "forgets", adagrad("G = self.G + g * g", "return theta - self.lr * g / (np.sqrt(G) + self.eps)")),
    ("Adagrad", "one_for_all", adagrad("self.G = self.G + (g**2).sum()", DIVIDE)),
    ("Adagrad", "one_for_all", adagrad("self.G = self.G + np.linalg.norm(g) ** 2", DIVIDE)),
    ("Adagrad", "late", adagrad("new = theta - self.lr * g / (np.sqrt(self.G) + self.eps)", G, "return new")),
    ("Adagrad", "late", adagrad("old = self.G", G, "return theta - self.lr * g / (old**0.5 + self.eps)")),
    ("Adagrad", "not_divided", adagrad(G, "return theta - self.lr * g")),
    ("Adagrad", "not_divided", adagrad("self.G += g * g", "return -self.lr * g + theta")),
    ("Adagrad", "sign", adagrad(G, "return theta + self.lr * g / (np.sqrt(self.G) + self.eps)")),
    ("Adagrad", "sign", adagrad(G, "step = -self.lr * g / (self.G**0.5 + self.eps)", "return theta - step")),
    ("RMSprop", "sums", rmsprop("self.v = self.v + g**2", BY_A)),
    ("RMSprop", "sums", rmsprop("self.v += g * g", BY_A)),
    ("RMSprop", "no_share", rmsprop("self.v = self.a * self.v + g**2", BY_A)),
    ("RMSprop", "no_share", rmsprop("self.v *= self.a", "self.v = self.v + np.square(g)", BY_A)),
    ("RMSprop", "swapped", rmsprop("self.v = (1 - self.a) * self.v + self.a * g**2", BY_A)),
    ("RMSprop", "swapped", rmsprop("self.v = self.v + self.a * (g**2 - self.v)", BY_A)),
    ("RMSprop", "not_squared", rmsprop("self.v = self.a * self.v + (1 - self.a) * np.abs(g)", BY_A)),
    ("RMSprop", "not_squared", rmsprop("self.v = self.a * self.v + (1 - self.a) * (g**2) ** 0.5", BY_A)),
    ("RMSprop", "eps_inside", rmsprop(A, "return theta - self.lr * g / np.sqrt(self.v + self.eps)")),
    ("RMSprop", "eps_inside", rmsprop(A, "return theta - self.lr / (self.v + self.eps) ** 0.5 * g")),
    ("RMSprop", "no_root", rmsprop(A, "return theta - self.lr * g / (self.v + self.eps)")),
    ("RMSprop", "no_root", rmsprop(A, "return theta - self.lr / (self.eps + self.v) * g")),
    ("RMSprop", "fixed", rmsprop("self.v = 0.99 * self.v + 0.01 * g**2", BY_A)),
    ("RMSprop", "fixed", rmsprop("self.v += 0.01 * (g**2 - self.v)", BY_A)),
    ("RMSprop", "nan", rmsprop("self.v = self.a * self.v + (1 - self.a) * g", BY_A)),
    ("RMSprop", "nan", rmsprop("self.v = self.v * self.a + g - self.a * g", BY_A)),
    ("Adam", "no_correction", adam(T, M, V, "mh, vh = self.m, self.v", ADAM)),
    ("Adam", "no_correction", adam(M, V, "return theta - self.lr * self.m / (self.v**0.5 + self.eps)")),
    ("Adam", "no_correction_m", adam(T, M, V, "mh = self.m", VH, ADAM)),
    ("Adam", "no_correction_m", adam(T, M, V, VH, "return theta - self.lr * self.m / (np.sqrt(vh) + self.eps)")),
    ("Adam", "no_correction_v", adam(T, M, V, MH, "vh = self.v", ADAM)),
    ("Adam", "no_correction_v", adam(T, M, V, MH, "return theta - self.lr * mh / (np.sqrt(self.v) + self.eps)")),
    ("Adam", "correction_without_t", adam(T, M, V, "mh, vh = self.m / (1 - self.b1), self.v / (1 - self.b2)", ADAM)),
    (
        "Adam",
        "correction_without_t",
        adam("self.t = 1", M, V, MH, VH, ADAM),
    ),
    ("Adam", "late_t", adam("self.t = max(1, self.t) + 1", M, V, MH, VH, ADAM)),
    ("Adam", "late_t", adam(T, M, V, "t = self.t + 1", MH.replace("self.t", "t"), VH.replace("self.t", "t"), ADAM)),
    ("Adam", "stored", adam(T, M, V, IN_M, IN_V, "mh, vh = self.m, self.v", ADAM)),
    ("Adam", "stored", adam(T, M, V, MH, VH, "self.m, self.v = mh, vh", ADAM)),
    ("Adam", "eps_inside", adam(T, M, V, MH, VH, "return theta - self.lr * mh / np.sqrt(vh + self.eps)")),
    ("Adam", "eps_inside", adam(T, M, V, MH, VH, "return theta - self.lr * mh * (self.eps + vh) ** -0.5")),
    ("Adam", "eps_early", adam(T, M, V, MH, EARLY, "return theta - self.lr * mh / s")),
    ("Adam", "eps_early", adam(T, M, V, MH, EARLY_RATE, "return theta - rate * mh / (np.sqrt(self.v) + self.eps)")),
    ("Adam", "no_root", adam(T, M, V, MH, VH, "return theta - self.lr * mh / (vh + self.eps)")),
    ("Adam", "no_root", adam(T, M, V, MH, VH, "return theta - self.lr / (self.eps + vh) * mh")),
    ("Adam", "inf", adam(M, V, "mh = self.m / (1 - self.b1**0)", "vh = 1", ADAM)),
    ("Adam", "nan", adam(M, V, MH, VH, T, ADAM)),
    ("Adam", "no_direction", adam(T, V, "mh = g", VH, ADAM)),
    ("Adam", "no_direction", adam(T, V, VH, "return theta - self.lr * g / (vh**0.5 + self.eps)")),
    ("Adam", "swapped_shares", adam(T, TWICE_M, TWICE_V, MH, VH, ADAM)),
    ("Adam", "swapped_shares", adam(T, OTHER_M, OTHER_V, MH, VH, ADAM)),
    ("Adam", "sign", adam(T, M, V, MH, VH, ADAM.replace("theta -", "theta +"))),
    ("Adam", "sign", adam(T, M.replace("+ (1", "- (1"), V, MH, VH, ADAM)),
    ("NAdam", "adam", nadam(T, M, V, VH, "n = self.m / (1 - self.b1**self.t)", END)),
    ("NAdam", "adam", nadam(T, M, V, MH, VH, ADAM)),
    ("NAdam", "same_t", nadam(T, M, V, VH, NOW, MIXED, "n = mixed / now", END)),
    ("NAdam", "same_t", nadam(T, M, V, MH, VH, NOW, "n = self.b1 * mh + (1 - self.b1) * g / now", END)),
    ("NAdam", "both_ahead", nadam(T, M, V, VH, AHEAD, MIXED, "n = mixed / ahead", END)),
    ("NAdam", "both_ahead", nadam(T, M, V, VH, AHEAD, "n = self.b1 * self.m / ahead + (1 - self.b1) * g / ahead", END)),
    ("NAdam", "no_gradient", nadam(T, M, V, VH, AHEAD, "n = self.b1 * self.m / ahead", END)),
    ("NAdam", "no_gradient", nadam(T, M, V, VH, "n = self.m / (1 / self.b1 - self.b1**self.t)", END)),
    ("NAdam", "whole_gradient", nadam(T, M, V, VH, NOW, AHEAD, "n = self.b1 * self.m / ahead + g / now", END)),
    ("NAdam", "whole_gradient", nadam(T, M, V, VH, NOW, AHEAD, "n = g / now", "n = n + self.m * self.b1 / ahead", END)),
    ("NAdam", "no_correction", nadam(T, M, V, VH, MIXED, "n = mixed", END)),
    ("NAdam", "no_correction", nadam(T, M, V, VH, "n = g + self.b1 * (self.m - g)", END)),
    ("largest_rate", "one_jump", "largest_rate = 1 / 100"),
    ("largest_rate", "one_jump", "largest_rate = 0.01"),
    ("largest_rate", "too_large", "largest_rate = 0.05"),
    ("largest_rate", "too_large", "largest_rate = 0.5"),
    ("largest_rate", "too_small", "largest_rate = 0.018"),
    ("largest_rate", "too_small", "largest_rate = 1e-3"),
    ("largest_rate", "along", "largest_rate = 2"),
    ("largest_rate", "along", "largest_rate = 2 / 1"),
    ("largest_rate", "curvature", "largest_rate = 100"),
    ("largest_rate", "curvature", "largest_rate = 50.0"),
    ("adagrad_schedule", "constant", "def adagrad_schedule(t, lr):\n    return lr"),
    ("adagrad_schedule", "constant", "def adagrad_schedule(t, lr):\n    return lr * t / t"),
    ("adagrad_schedule", "over_t", "def adagrad_schedule(t, lr):\n    return lr / t"),
    ("adagrad_schedule", "over_t", "def adagrad_schedule(t, lr):\n    return lr * t**-1.0"),
    ("adagrad_schedule", "grows", "def adagrad_schedule(t, lr):\n    return lr * t**0.5"),
    ("adagrad_schedule", "grows", "import math\ndef adagrad_schedule(t, lr):\n    return math.sqrt(t) * lr"),
    ("adagrad_schedule", "no_rate", "def adagrad_schedule(t, lr):\n    return t**-0.5"),
    ("adagrad_schedule", "no_rate", "import math\ndef adagrad_schedule(t, lr):\n    return 1 / math.sqrt(t)"),
    ("adagrad_schedule", "from_zero", "def adagrad_schedule(t, lr):\n    return lr / (t + 1) ** 0.5"),
    ("adagrad_schedule", "from_zero", "import math\ndef adagrad_schedule(t, lr):\n    return lr / math.sqrt(1 + t)"),
]  # fmt: skip


@pytest.mark.parametrize(("exercise", "key", "code"), MISTAKES)
def test_mistake(exercise: str, key: str, code: str) -> None:
    assert answer("optimizers", exercise, code) == key


@pytest.mark.parametrize("exercise", checks.EXERCISES)
def test_solution(exercise: str) -> None:
    code = "import numpy as np\n" + solution("18-optimizers", exercise)
    assert answer("optimizers", exercise, code) is None


RIGHT = [
    ("GradientDescent", descent("return np.array([x - self.lr * y for x, y in zip(theta, g)])")),
    ("Momentum", momentum("self.b *= self.mu", "self.b += g", MOVE)),
    ("Adagrad", adagrad("self.G = self.G + g * g", "return theta - self.lr / (self.G**0.5 + self.eps) * g")),
    ("RMSprop", rmsprop("self.v += (1 - self.a) * (g**2 - self.v)", BY_A)),
    ("Adam", adam(T, M, V, MH, VH, "return theta - self.lr * mh / (vh**0.5 + self.eps)")),
    ("largest_rate", "largest_rate = 0.0199"),
    ("adagrad_schedule", "def adagrad_schedule(t, lr):\n    return lr * t**-0.5"),
]  # fmt: skip


@pytest.mark.parametrize(("exercise", "code"), RIGHT)
def test_another_spelling_of_the_right_answer(exercise: str, code: str) -> None:
    assert answer("optimizers", exercise, code) is None


def test_a_value_that_is_forgotten_later_is_told_by_its_step() -> None:
    """A velocity that is lost in the fourth step: no known mistake."""
    code = momentum("self.t = getattr(self, 't', 0) + 1", "self.b = (self.t != 4) * self.mu * self.b + g", MOVE)
    assert answer("optimizers", "Momentum", code) == "memory"


@pytest.mark.parametrize("surface", LANDSCAPES)
@pytest.mark.parametrize("rule", RULES)
def test_path_of_the_explorable(surface: str, rule: str) -> None:
    """Every setting gives a path that can be drawn, also one that diverges."""
    for rate in (1e-4, 10.0):
        path = path_of(make(rule, rate, 0.9), surface)
        assert path.shape == (61, 2)
        assert np.isfinite(path).all()
        assert np.abs(path).max() <= FAR
