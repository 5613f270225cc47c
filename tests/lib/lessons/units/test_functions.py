"""The lesson on functions and three kinds of learning: solutions pass, mistakes get their hints, pictures are right."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from lib.lessons.units.functions import checks, explore
from tests.lib.lessons.support import answer, solution
from tests.lib.lessons.units.mistakes import cases

RELU = "def relu(x):\n    return np.maximum(x, 0)\n"
HEADS = {
    "relu": "def relu(x):",
    "network_by_hand": "def relu(x):\n    return np.maximum(x, 0)\n\ndef network_by_hand(f, units, x):",
    "k_means_step": "def k_means_step(points, centres):",
    "returns": "def returns(rewards, discount):",
    "nudge": "def nudge(p, action, reward, usual):",
}
CHANGES, NEURON = "np.diff(slopes, prepend=0)", "changes[i] * relu(x - knots[i])"


def hand(changes: str = CHANGES, neuron: str = NEURON) -> str:
    """The body of `network_by_hand` with these two lines."""
    return (
        "knots = np.linspace(-1, 1, units + 1)\n"
        "slopes = np.diff(f(knots)) / np.diff(knots)\n"
        f"changes = {changes}\n"
        "y = f(knots[0]) + np.zeros(len(x))\n"
        f"for i in range(units):\n    y = y + {neuron}\nreturn y"
    )


def groups(distance: str, nearest: str = "np.argmin(distances, axis=0)") -> str:
    """The body of `k_means_step` up to the groups."""
    return f"distances = [{distance} for c in centres]\ngroup = {nearest}\n"


SQUARES = "((points - c) ** 2).sum(axis=1)"
MEANS = "return np.array([points[group == k].mean(axis=0) for k in range(len(centres))])"
PULLED = "pulled = np.zeros(len(p))\npulled[action] = 1\n"
MISTAKES = {
    "relu": {
        "absolute": ("return np.abs(x)", "return np.where(x < 0, -x, x)"),
        "minimum": ("return np.minimum(x, 0)", "return x * (x < 0)"),
        "mirrored": ("return np.maximum(-x, 0)", "return np.where(x < 0, -x, 0)"),
        "step": ("return x > 0", "return np.where(x > 0, 1, 0)"),
        "clipped": ("return np.clip(x, 0, 1)", "return np.minimum(np.maximum(x, 0), 1)"),
        "leaks": ("return np.where(x > 0, x, 0.01 * x)", "return np.maximum(x, 0.1 * x)"),
        "mutated": ("x[x < 0] = 0\nreturn x", "x *= x > 0\nreturn x"),
    },
    "network_by_hand": {
        "slopes": (hand("slopes"), hand(neuron="slopes[i] * relu(x - knots[i])")),
        "no_bend": (hand(neuron="changes[i] * (x - knots[i])"), hand(neuron="(x - knots[i]) * changes[i]")),
        "mirrored": (
            hand(neuron="changes[i] * relu(knots[i] - x)"),
            hand(neuron="changes[i] * np.maximum(knots[i] - x, 0)"),
        ),
        "first_slope": (
            hand("np.append(0, np.diff(slopes))"),
            hand("np.diff(slopes, prepend=slopes[0])"),
        ),
        "late": (hand("np.diff(slopes, append=0)"), hand("np.append(slopes[1:], 0) - slopes")),
        "minus": (
            hand("-np.diff(slopes, prepend=0)"),
            hand(neuron="(np.append(0, slopes)[i] - slopes[i]) * relu(x - knots[i])"),
        ),
        "not_moved": (hand(neuron="changes[i] * relu(x)"), hand(neuron="relu(x) * changes[i]")),
        "only_hidden": (hand(neuron="relu(x - knots[i])"), hand("np.ones(units)")),
    },
    "k_means_step": {
        "farthest": (
            groups(SQUARES, "np.argmax(distances, axis=0)") + MEANS,
            groups(SQUARES, "np.array(distances).T.argmax(axis=1)") + MEANS,
        ),
        "sum": (
            groups(SQUARES) + "return np.array([points[group == k].sum(axis=0) for k in range(len(centres))])",
            groups(SQUARES) + "return np.array([sum(points[group == k]) for k in range(len(centres))])",
        ),
        "empty_group": (
            groups("(points - c).sum(axis=1)") + MEANS,
            groups("np.sum(points, axis=1) - np.sum(c)") + MEANS,
        ),
        "streets": (
            groups("np.abs(points - c).sum(axis=1)") + MEANS,
            groups("np.linalg.norm(points - c, ord=1, axis=1)") + MEANS,
        ),
        "everyone": (
            groups(SQUARES) + "return np.array([points.mean(axis=0) for k in range(len(centres))])",
            groups(SQUARES, "np.zeros((len(points), 1))") + "return np.array([points.mean(axis=0)] * len(centres))",
        ),
        "one_number": (
            groups("(points[:, 0] - c[0]) ** 2") + MEANS,
            groups("abs(points - c)[:, 0]") + MEANS,
        ),
        "still": (groups(SQUARES) + "return centres", groups(SQUARES) + "return np.array([c for c in centres])"),
    },
    "returns": {
        "past": (
            "G = []\ng = 0\nfor r in rewards:\n    g = r + discount * g\n    G.append(g)\nreturn G",
            "G = np.zeros(len(rewards))\nfor t in range(len(rewards)):\n"
            "    G[t] = rewards[t] + (discount * G[t - 1] if t else 0)\nreturn G",
        ),
        "no_discount": (
            "return np.cumsum(rewards[::-1])[::-1]",
            "return [sum(rewards[t:]) for t in range(len(rewards))]",
        ),
        "reversed": (
            "G = []\ng = 0\nfor r in reversed(rewards):\n    g = r + discount * g\n    G.append(g)\nreturn G",
            "G = np.zeros(len(rewards))\ng = 0\nfor t, r in enumerate(rewards[::-1]):\n"
            "    g = r + discount * g\n    G[t] = g\nreturn G",
        ),
        "discounts_itself": (
            "G = np.zeros(len(rewards))\ng = 0\nfor t in reversed(range(len(rewards))):\n"
            "    g = discount * (rewards[t] + g)\n    G[t] = g\nreturn G",
            "n = len(rewards)\n"
            "return [sum(discount ** (k - t + 1) * rewards[k] for k in range(t, n)) for t in range(n)]",
        ),
        "without_itself": (
            "G = np.zeros(len(rewards))\ng = 0\nfor t in reversed(range(len(rewards))):\n"
            "    G[t] = discount * g\n    g = rewards[t] + discount * g\nreturn G",
            "n = len(rewards)\n"
            "return [sum(discount ** (k - t) * rewards[k] for k in range(t + 1, n)) for t in range(n)]",
        ),
        "later_only": (
            "G = np.zeros(len(rewards))\ng = 0\nfor t in reversed(range(len(rewards))):\n"
            "    G[t] = g\n    g = rewards[t] + discount * g\nreturn G",
            "n = len(rewards)\n"
            "return [sum(discount ** (k - t - 1) * rewards[k] for k in range(t + 1, n)) for t in range(n)]",
        ),
        "only_now": ("return np.array(rewards)", "return [r + discount * 0 for r in rewards]"),
    },
    "nudge": {
        "sign": (
            PULLED + "return (usual - reward) * (pulled - p)",
            PULLED + "return (reward - usual) * (p - pulled)",
        ),
        "no_usual": (
            PULLED + "return reward * (pulled - p)",
            "change = -reward * p\nchange[action] += reward\nreturn change",
        ),
        "only_pulled": (
            PULLED + "return (reward - usual) * pulled",
            "change = np.zeros(len(p))\nchange[action] = reward - usual\nreturn change",
        ),
        "no_reward": (PULLED + "return pulled - p", "return (np.arange(len(p)) == action) - p"),
        "plus_usual": (
            PULLED + "return (reward + usual) * (pulled - p)",
            PULLED + "return reward * (pulled - p) + usual * (pulled - p)",
        ),
        "added": (PULLED + "return (reward - usual) * (pulled + p)", PULLED + "return (p + pulled) * (reward - usual)"),
        "one_minus": (
            "pulled = np.ones(len(p))\nreturn (reward - usual) * (pulled - p)",
            "return (reward - usual) * (1 - p)",
        ),
    },
}


@pytest.mark.parametrize(("exercise", "key", "code"), cases(MISTAKES, HEADS))
def test_a_mistake_gets_its_hint(exercise: str, key: str, code: str) -> None:
    assert answer("functions", exercise, code) == key


@pytest.mark.parametrize("exercise", checks.EXERCISES)
def test_the_solution_passes(exercise: str) -> None:
    assert answer("functions", exercise, f"import numpy as np\n{RELU}\n{solution('01-functions', exercise)}") is None


def key(name: str, **fields: object) -> str:
    """Stand in for the texts: the key and its fields."""
    return " ".join([name, *(f"{field}={value}" for field, value in fields.items())])


def test_more_bends_come_closer_and_none_is_a_line() -> None:
    target = explore.wave(explore.LINE)
    errors = [np.abs(explore.network(units, "relu") - target).max() for units in (4, 8, 16, 32)]
    assert errors == sorted(errors, reverse=True) and errors[-1] < 0.05
    lines = [explore.network(units, "none") for units in (1, 40)]
    assert np.allclose(np.diff(lines, n=2), 0) and np.allclose(lines[0], lines[1])


@pytest.mark.parametrize("k", [1, 4, 8])
def test_a_step_of_k_means_never_spreads_the_points(k: int) -> None:
    from lib.paradigms import k_means

    inertia = [k_means.nearest(explore.crowd(), centres)[1].sum() for centres in explore.moves(k, 3)]
    assert len(inertia) == explore.MOST_STEPS + 1
    assert (np.diff(inertia) < 1e-9).all()
    figure = Figure()
    explore.draw_clusters(figure, key, k=k, step=explore.MOST_STEPS, start=3)
    assert figure.axes[0].get_title() == f"inertia inertia={inertia[-1]}"


def test_an_episode_in_the_corridor_is_paid_once_at_its_end() -> None:
    cells, _, rewards = explore.walk(np.full(explore.CELLS, 0.5), 3.0, np.random.default_rng(1))
    assert set(np.unique(rewards)) <= {0.0, explore.NEAR, 3.0}
    assert ((rewards > 0).sum(axis=0) <= 1).all()
    ended = np.cumsum(rewards > 0, axis=0)[:-1] > 0
    assert (cells[1:][ended] == -1).all()
    assert (cells[0] == explore.START).all()


@pytest.mark.parametrize(("far", "discount", "right"), [(3.0, 0.95, True), (3.0, 0.5, False), (10.0, 0.9, True)])
def test_the_discount_decides_which_end_is_worth_the_way(far: float, discount: float, right: bool) -> None:
    policies, earned = explore.training(far, discount)
    assert policies[0][explore.START] == 0.5
    assert (policies[-1][explore.START] > 0.9) == right
    assert (policies[-1][explore.START] < 0.1) != right
    assert abs(earned[-1] - (far if right else explore.NEAR)) < 0.5
