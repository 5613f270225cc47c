"""Figures of the mlp lab."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from lib.harness.contract.drawing import PALETTE, canvas
from lib.harness.contract.results import Results
from lib.harness.contract.texts import Texts
from lib.harness.judging.intervals import mean_interval
from lib.mlp.mlp import by_hand, neuron, threshold

BLUE, ORANGE, GREEN = PALETTE[:3]
SIDE = 90
"""Points along each side of the figures of decision regions."""
EXTENT = 1.15
NETWORKS = ("one-layer", "identity", "tanh", "relu")
FUNCTIONS = {
    1: "NOR",
    2: "$x_2$, not $x_1$",
    3: "not $x_1$",
    4: "$x_1$, not $x_2$",
    5: "not $x_2$",
    6: "XOR",
    7: "NAND",
    8: "AND",
    9: "XNOR",
    10: "$x_2$",
    11: r"$x_1 \Rightarrow x_2$",
    12: "$x_1$",
    13: r"$x_2 \Rightarrow x_1$",
    14: "OR",
}
"""Names of functions of two bits by their index in `threshold.table`."""
TEXTS = Texts.beside(__file__)


def grid_points() -> np.ndarray:
    """The points of a figure of the spirals' plane, row by row: (SIDE², 2) float32."""
    line = np.linspace(-EXTENT, EXTENT, SIDE, dtype=np.float32)
    return np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)


def _regions(axis: Any, values: np.ndarray, extent: tuple[float, float, float, float]) -> None:
    from matplotlib.colors import ListedColormap

    colours = ListedColormap([BLUE, ORANGE])
    axis.imshow(
        values, origin="lower", extent=extent, cmap=colours, alpha=0.28, vmin=0, vmax=1, interpolation="nearest"
    )
    axis.grid(False)


def threshold_units(results: Results, config: Any) -> Any:
    """The output of three units by their weighted sum."""
    figure, axes = canvas(1, 3, 10.5, 3.4, sharex=True)
    z = np.linspace(-4, 4, 801)
    units = (
        ("threshold", (z > 0).astype(float), BLUE),
        ("relu", np.maximum(z, 0), GREEN),
        ("sigmoid", neuron.sigmoid(z), ORANGE),
    )
    for axis, (unit, values, colour) in zip(axes[0], units, strict=True):
        axis.axvspan(-4, 0, color="#999999", alpha=0.15, linewidth=0)
        axis.plot(z, values, color=colour, linewidth=2.4)
        below = TEXTS("figures.threshold-units.below")
        axis.text(-2, axis.get_ylim()[1] * 0.9, below, ha="center", va="top", color="#555555")
        axis.set(title=TEXTS(f"figures.threshold-units.{unit}"), xlim=(-4, 4))
    axes[0, 1].set_xlabel(TEXTS("figures.threshold-units.xlabel"))
    axes[0, 0].set_ylabel(TEXTS("figures.threshold-units.ylabel"))
    return figure


def boolean(results: Results, config: Any) -> Any:
    """The sixteen functions of two bits; a line separates fourteen."""
    separable = results.of("neuron")[0].measurements["by_programming"]
    ends = {0: TEXTS("figures.one-neuron-one-line.never"), 15: TEXTS("figures.one-neuron-one-line.always")}
    names = FUNCTIONS | ends
    figure, axes = canvas(2, 8, 12.5, 4.1)
    line = np.linspace(-0.4, 1.4, 100)
    plane = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    for index, axis in enumerate(axes.flat):
        targets = threshold.table(index)
        if index in separable:
            learned = neuron.perceptron(threshold.ROWS, targets).weights
            _regions(axis, (plane @ learned[:2] + learned[2] > 0).reshape(100, 100), (-0.4, 1.4, -0.4, 1.4))
        for value, colour, marker in ((0, BLUE, "o"), (1, ORANGE, "s")):
            axis.plot(*threshold.ROWS[targets == value].T, marker, color=colour, markersize=9)
        axis.set(xlim=(-0.4, 1.4), ylim=(-0.4, 1.4), aspect="equal", xticks=[0, 1], yticks=[0, 1])
        axis.grid(False)
        if index in separable:
            axis.set_title(names[index])
        else:
            axis.set_title(TEXTS("figures.one-neuron-one-line.inseparable", name=names[index]), color="#B00000")
            for side in axis.spines.values():
                side.set(visible=True, color="#B00000", linewidth=2)
    figure.suptitle(TEXTS("figures.one-neuron-one-line.title", count=len(separable)))
    figure.supxlabel(TEXTS("figures.one-neuron-one-line.xlabel"), fontsize=10)
    figure.supylabel(TEXTS("figures.one-neuron-one-line.ylabel"), fontsize=10)
    return figure


def xor(results: Results, config: Any) -> Any:
    """Draw how two layers compute XOR, which one layer cannot."""
    runs = _runs(results)
    figure, (axes,) = canvas(1, 4, 15, 4)
    errors, plane, hidden, share = axes
    for (name, learned), colour in zip(runs[0]["perceptron"].items(), (BLUE, GREEN, ORANGE), strict=True):
        mistakes = list(learned["mistakes"][0])
        if cycle := learned["cycle"][0]:  # the weights are back where they were, so it goes on like this
            mistakes += (mistakes[-cycle:] * 10)[:10]
        errors.plot(range(1, len(mistakes) + 1), mistakes, "o-", color=colour, label=name, markersize=4)
    errors.set(xlabel=_xor("mistakes_xlabel"), ylabel=_xor("mistakes_ylabel"), ylim=(-0.2, 5), yticks=range(5))
    errors.set_title(_xor("mistakes"))
    errors.legend(loc="upper right", ncols=3)

    network = next((run["xor"]["2"]["network"] for run in runs if "network" in run["xor"]["2"]), None)
    if network is not None:
        weights = {name: np.asarray(array) for name, array in network.items()}
        _draw_xor(plane, hidden, weights)

    widths = [str(width) for width in threshold.HIDDEN]
    solved = 100 * np.array([[run["xor"][width]["solved"] for width in widths] for run in runs])
    for row in solved:
        share.plot(widths, row, "o", color=BLUE, alpha=0.4, markersize=5)
    share.plot(widths, solved.mean(axis=0), "-", color=BLUE)
    share.set(xlabel=_xor("share_xlabel"), ylabel=_xor("share_ylabel"), ylim=(-4, 104))
    share.set_title(_xor("share", starts=config.xor_starts, seeds=len(runs)))
    return figure


def _xor(text: str, **fields: Any) -> str:
    return TEXTS(f"figures.xor-needs-two-layers.{text}", **fields)


def _draw_xor(plane: Any, hidden: Any, weights: dict[str, np.ndarray]) -> None:
    """A network that has learned XOR: its answer by input, and where its hidden layer puts the four rows."""
    line = np.linspace(-0.4, 1.4, 100)
    points = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    logits = neuron.forward(weights, "sigmoid", points).logits
    _regions(plane, (logits[:, 1] > logits[:, 0]).reshape(100, 100), (-0.4, 1.4, -0.4, 1.4))
    line = np.linspace(-0.1, 1.1, 100)
    points = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    second = points @ weights["dense2.weight"].T + weights["dense2.bias"]
    _regions(hidden, (second[:, 1] > second[:, 0]).reshape(100, 100), (-0.1, 1.1, -0.1, 1.1))
    places = neuron.sigmoid(neuron.forward(weights, "sigmoid", threshold.ROWS.astype(float)).sums[0])
    sides = zip(threshold.ROWS, threshold.TARGETS["XOR"], places, strict=True)
    for row, target, place in sides:
        colour, marker = ((BLUE, "o"), (ORANGE, "s"))[target]
        plane.plot(*row, marker, color=colour, markersize=11)
        hidden.plot(*place, marker, color=colour, markersize=11)
        left = place[0] > 0.6
        hidden.annotate(
            f"{row[0]},{row[1]}",
            place,
            xytext=(-10 if left else 10, 12 if row[1] else -12),
            textcoords="offset points",
            ha="right" if left else "left",
            va="center",
        )
    plane.set(xlabel=_xor("plane_xlabel"), ylabel=_xor("plane_ylabel"), title=_xor("plane"), aspect="equal")
    units = (_xor("hidden_label", number=number) for number in (1, 2))
    hidden.set(xlabel=next(units), ylabel=next(units), title=_xor("hidden"), aspect="equal")


def regions(results: Results, config: Any) -> Any:
    """The spirals and what each network makes of the plane; the first seed."""
    networks = [name for name in NETWORKS if f"spirals/{name}" in results.variants("spirals/")]
    figure, (axes,) = canvas(1, len(networks), 3 * len(networks), 3.9)
    for axis, name in zip(axes, networks, strict=True):
        measured = results.of(f"spirals/{name}")[0].measurements
        _regions(axis, np.reshape(measured["regions"], (SIDE, SIDE)), (-EXTENT, EXTENT, -EXTENT, EXTENT))
        points = np.asarray(measured["points"])
        for arm, colour in enumerate((BLUE, ORANGE)):
            axis.plot(*points[arm::2].T, ".", color=colour, markersize=3)
        label = TEXTS(f"labels.{name}").replace("\n", " ")
        right = TEXTS("figures.spirals.accuracy", accuracy=100 * measured["test_accuracy"])
        axis.set(title=f"{label}\n{right}", xticks=[], yticks=[], aspect="equal")
    figure.suptitle(TEXTS("figures.spirals.title"))
    return figure


def accuracy(results: Results, config: Any) -> Any:
    """Test accuracy of every network on both tasks: mean, 95 % interval, every seed."""
    figure, (axes,) = canvas(1, 2, 11, 3.8)
    for axis, task in zip(axes, ("spirals", "digits"), strict=True):
        networks = [name for name in NETWORKS if f"{task}/{name}" in results.variants(f"{task}/")]
        for row, name in enumerate(networks):
            values = 100 * results.values(f"{task}/{name}", "test_accuracy")
            center, low, high = mean_interval(values)
            colour = ORANGE if name in ("one-layer", "identity") else BLUE
            if np.isfinite(low):
                axis.plot([low, high], [row, row], color=colour, linewidth=7, alpha=0.3, solid_capstyle="butt")
            axis.plot(values, np.full(len(values), row), "o", color=colour, markersize=4, alpha=0.7)
            axis.annotate(f"{center:.1f}", (center, row), xytext=(0, 9), textcoords="offset points", ha="center")
        axis.set_yticks(range(len(networks)), [TEXTS(f"labels.{name}") for name in networks])
        axis.set_ylim(len(networks) - 0.5, -0.7)
        axis.set(xlabel=TEXTS("figures.accuracy.xlabel"), title=TEXTS(f"figures.accuracy.{task}"))
        axis.margins(x=0.12)
    figure.suptitle(TEXTS("figures.accuracy.title"))
    return figure


def folding(results: Results, config: Any) -> Any:
    """Outputs of the product of all matrices against the network's own; digits, first seed."""
    figure, (axes,) = canvas(1, 2, 10, 4.6)
    for axis, name, colour in zip(axes, ("identity", "relu"), (ORANGE, BLUE), strict=True):
        measured = results.of(f"digits/{name}")[0].measurements
        network, folded = np.asarray(measured["logits"])
        ends = [network.min(), network.max()]
        axis.plot(ends, ends, color="#777777", linewidth=1)
        axis.plot(network.ravel(), folded.ravel(), ".", color=colour, markersize=4, alpha=0.6)
        axis.set(xlabel=TEXTS("figures.folding.xlabel"), ylabel=TEXTS("figures.folding.ylabel"))
        deviation = TEXTS("figures.folding.deviation", deviation=measured["folding"])
        axis.set_title(f"{TEXTS(f'figures.folding.{name}')}\n{deviation}")
        equal, look = TEXTS("figures.folding.equal"), {"ha": "center", "color": "#777777"}
        axis.annotate(equal, (ends[1], ends[1]), xytext=(0, -28), textcoords="offset points", **look)
    return figure


XOR_WEIGHTS = {
    "dense1.weight": np.array([[3.0, 3.0], [-2.0, -2.0]]),
    "dense1.bias": np.array([-1.0, 3.0]),
    "dense2.weight": np.array([[-1.0, -1.0], [1.0, 1.0]]),
    "dense2.bias": np.array([1.0, -1.0]),
}
"""Small enough to follow every number of one row through it."""


def chain_rule(results: Results, config: Any) -> Any:
    """A network's derivatives, written on its lines; single gradients against the framework's; central differences."""
    measured = results.of("hand")[0].measurements
    figure, (axes,) = canvas(1, 3, 15, 4.8)
    graph, single, steps = axes
    _graph(graph)
    ours, theirs = np.asarray(measured["single"])
    ends = [theirs.min(), theirs.max()]
    single.plot(ends, ends, color="#777777", linewidth=1)
    single.plot(theirs, ours, ".", color=BLUE, markersize=5, alpha=0.6)
    single.set(xlabel=_chain("framework"), ylabel=_chain("by-hand"), title=_chain("single", weights=len(ours)))
    single.ticklabel_format(style="sci", scilimits=(-3, 3))
    for colour, (name, deviations) in zip((*PALETTE[:3], PALETTE[4]), measured["by_step"].items(), strict=True):
        steps.loglog(by_hand.STEPS, deviations, "o-", color=colour, markersize=4, label=name)
    steps.axvline(by_hand.STEP, color="#777777", linestyle=":", linewidth=1)
    steps.invert_xaxis()
    steps.set(xlabel=_chain("step"), ylabel=_chain("deviation"), title=_chain("steps"))
    steps.legend(loc="lower right", fontsize=9)
    return figure


def _chain(text: str, **fields: Any) -> str:
    return TEXTS(f"figures.chain-rule.{text}", **fields)


def _graph(axis: Any) -> None:
    """A network 2 - 2 - 2 on one row of XOR: values in its units, the loss' derivatives on its lines."""
    row, label = np.array([[1.0, 0.0]]), np.array([1])
    passed = neuron.forward(XOR_WEIGHTS, "sigmoid", row)
    loss, gradients = neuron.loss_and_gradients(XOR_WEIGHTS, "sigmoid", row, label)
    values = [row[0], neuron.sigmoid(passed.sums[0][0]), passed.logits[0]]
    for layer, (left, right) in enumerate(pairwise(values), 1):
        for target in range(len(right)):
            for source in range(len(left)):
                y = (source, target)
                share = 0.3 if source == target else 0.22  # so that no number lies where the lines cross
                axis.plot([layer - 1, layer], y, color="#BBBBBB", linewidth=1.4, zorder=1)
                place = (layer - 1 + share, y[0] + share * (y[1] - y[0]))
                text = f"{gradients[f'dense{layer}.weight'][target, source]:+.2f}"
                axis.text(*place, text, color="#B00000", ha="center", va="center", fontsize=10,
                          bbox={"color": "white", "pad": 1})  # fmt: skip
    for layer, each in enumerate(values):
        for unit, value in enumerate(each):
            axis.plot(layer, unit, "o", color=(GREEN, BLUE, ORANGE)[layer], markersize=38)
            axis.text(layer, unit, f"{value:.2f}", color="white", ha="center", va="center", weight="bold")
    axis.set(xlim=(-0.3, 2.3), ylim=(1.45, -0.45), yticks=[], title=_chain("graph", loss=float(loss)))
    axis.set_xticks(range(3), [_chain(name) for name in ("inputs", "units", "outputs")])
    axis.grid(False)
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0)


def equal_starts(results: Results, config: Any) -> Any:
    """The weights of four hidden units while XOR is learned, from equal and from random weights; first seed."""
    measured = results.of("neuron")[0].measurements["equal_starts"]
    figure, (axes,) = canvas(1, 2, 11, 4.2, sharey=True)
    for axis, name in zip(axes, ("equal", "random"), strict=True):
        paths = np.asarray(measured["paths"][name])
        for unit, (path, colour) in enumerate(zip(paths.T, (*PALETTE[:3], PALETTE[4]), strict=True), 1):
            label = TEXTS("figures.equal-starts.unit", number=unit)
            axis.plot(measured["steps"], path, color=colour, linewidth=7 - 1.5 * unit, alpha=0.9, label=label)
        solved = 100 * np.mean([run["equal_starts"]["solved"][name] for run in _runs(results)])
        axis.set(xlabel=TEXTS("figures.equal-starts.xlabel"))
        axis.set_title(TEXTS(f"figures.equal-starts.{name}", solved=solved))
    axes[0].set_ylabel(TEXTS("figures.equal-starts.ylabel"))
    axes[0].legend(loc="best")
    return figure


def _runs(results: Results) -> list[Any]:
    return [result.measurements for result in results.of("neuron")]


FIGURES: Mapping[str, Callable[[Results, Any], Any]] = {
    "threshold-units": threshold_units,
    "one-neuron-one-line": boolean,
    "xor-needs-two-layers": xor,
    "spirals": regions,
    "accuracy": accuracy,
    "folding": folding,
    "chain-rule": chain_rule,
    "equal-starts": equal_starts,
}
