"""The pictures of the paradigms lab: a network as a function, and what each kind of learning makes of what it is given.

Where only one network can be shown, it is that of the first seed; curves and points show every seed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from lib.harness.contract.drawing import PALETTE, canvas
from lib.harness.contract.results import Results
from lib.harness.contract.texts import Texts
from lib.paradigms import approximation

BLUE, RED, GREEN, PINK, ORANGE, SKY, BLACK, GREY = PALETTE
TEXTS = Texts.beside(__file__)
WAVE, HILLS = approximation.TARGETS["wave"], approximation.TARGETS["hills"]


def widths(results: Results, config: Any) -> Any:
    """The wave by hand, trained, and the error by width with and without the non-linearity."""
    figure, (axes,) = canvas(1, 3, 15, 4.8)
    written, trained, errors = axes
    first = results.of("function")[0].measurements
    x = np.linspace(-1, 1, 1_001)[:, None]
    for axis in (written, trained):
        axis.plot(x, approximation.wave(x), color=GREY, linewidth=6, alpha=0.5, label=TEXTS("labels.target"))
        axis.set(xlabel=TEXTS("labels.input"), ylabel=TEXTS("labels.output"), ylim=(-1.65, 1.65))
    for colour, width in ((RED, 4), (ORANGE, 8), (BLUE, 24)):
        written.plot(x, approximation.by_hand(width, x), color=colour, label=TEXTS("labels.units", width=width))
    written.set_title(TEXTS("figures.widths.by-hand-title"))
    predicted = np.array(first["wave/network/predicted"])
    shown = sorted({0, 1, len(config.widths) - 1})
    for colour, index in zip((ORANGE, SKY, BLUE), shown, strict=False):
        label = TEXTS("labels.units", width=config.widths[index])
        trained.plot(WAVE.judge, predicted[index], color=colour, label=label)
    line = np.array(first["wave/linear/predicted"])[-1]
    label = TEXTS("labels.linear-units", width=config.widths[-1])
    trained.plot(WAVE.judge, line, color=RED, linestyle="--", label=label)
    trained.set_title(TEXTS("figures.widths.trained-title"))
    for axis in (written, trained):
        axis.legend(loc="upper left", fontsize=9)
    _errors(errors, results, np.array(config.widths))
    return figure


def _errors(axis: Any, results: Results, ends: np.ndarray) -> None:
    """The error by width, with the non-linearity and without, on both functions; and of networks written by hand."""
    for name, marker, style in (("wave", "o", "-"), ("hills", "^", "--")):
        for kind, colour in (("network", BLUE), ("linear", RED)):
            values = results.values("function", f"{name}/{kind}")
            axis.loglog(ends, 100 * np.median(values, axis=0), color=colour, linestyle=style, zorder=1)
            text = TEXTS(f"figures.widths.{kind}", function=TEXTS(f"figures.widths.{name}"))
            for seed, row in enumerate(values):
                label = text if seed == 0 else None
                axis.loglog(ends, 100 * row, marker, color=colour, markersize=4, alpha=0.5, label=label)
    by_hand = np.array([2, 4, 8, 16, 32, 64])
    share = [approximation.error(WAVE, approximation.by_hand(n, WAVE.judge)) for n in by_hand]
    label = TEXTS("figures.widths.by-hand", function=TEXTS("figures.widths.wave"))
    axis.loglog(by_hand, 100 * np.array(share), "s-", color=GREEN, markersize=4, label=label)
    axis.set_xticks(ends, [str(width) for width in ends])
    axis.minorticks_off()
    axis.set(xlabel=TEXTS("figures.widths.hidden"), ylabel=TEXTS("figures.widths.ylabel"))
    axis.set_title(TEXTS("figures.widths.error-title"))
    axis.legend(loc="lower left", fontsize=8)


def plane(results: Results, config: Any) -> Any:
    """The hills, the best that a linear network makes of them, and networks of growing width."""
    first = results.of("function")[0].measurements
    side = round(len(HILLS.judge) ** 0.5)
    shown = sorted({0, 1, len(config.widths) // 2, len(config.widths) - 1})
    error = _percent(first["hills/linear"][-1])
    linear = TEXTS("figures.plane.linear", width=config.widths[-1], error=error)
    pictures = [
        (TEXTS("labels.target"), HILLS.function(HILLS.judge)),
        (linear, np.array(first["hills/linear/predicted"])[-1]),
    ]
    for index in shown:
        error = _percent(first["hills/network"][index])
        title = TEXTS("figures.plane.network", width=config.widths[index], error=error)
        pictures.append((title, np.array(first["hills/network/predicted"])[index]))
    figure, (axes,) = canvas(1, len(pictures), 2.6 * len(pictures), 3.4, sharey=True)
    for axis, (title, values) in zip(axes, pictures, strict=True):
        image = axis.imshow(
            values.reshape(side, side), origin="lower", extent=(-1, 1, -1, 1), cmap="RdBu_r", vmin=-1, vmax=1
        )
        axis.set(title=title, xlabel=TEXTS("figures.plane.first"), xticks=(-1, 0, 1), yticks=(-1, 0, 1))
        axis.grid(False)
    axes[0].set_ylabel(TEXTS("figures.plane.second"))
    figure.colorbar(image, ax=axes, label=TEXTS("labels.output"), shrink=0.8)
    figure.suptitle(TEXTS("figures.plane.title"))
    return figure


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%" if share > 0.1 else f"{100 * share:.2g}%"


def values_change(results: Results, config: Any) -> Any:
    """The function of the widest network while it learns, and its values at six inputs."""
    from matplotlib import colormaps

    first = results.of("function")[0].measurements
    moments, history = np.array(first["moments"]), np.array(first["history"])
    figure, (axes,) = canvas(1, 2, 13, 4.8)
    whole, values = axes
    target = WAVE.function(WAVE.judge)
    whole.plot(WAVE.judge, target, color=GREY, linewidth=6, alpha=0.5, label=TEXTS("labels.target"))
    chosen = np.unique(np.searchsorted(moments, [0, 10, 40, 100, 300, moments[-1]]).clip(max=len(moments) - 1))
    for place, index in enumerate(chosen):
        shade = colormaps["viridis_r"](0.1 + 0.9 * place / (len(chosen) - 1))
        after = TEXTS("figures.values_change.after", steps=moments[index])
        label = after if moments[index] else TEXTS("figures.values_change.before")
        whole.plot(WAVE.judge, history[index], color=shade, label=label)
    whole.set(xlabel=TEXTS("labels.input"), ylabel=TEXTS("labels.output"))
    whole.set_title(TEXTS("figures.values_change.function-title"))
    whole.legend(loc="upper left", fontsize=9)
    for colour, x in zip((BLUE, RED, GREEN, PINK, ORANGE, SKY), (-0.85, -0.5, -0.15, 0.15, 0.5, 0.85), strict=True):
        index = int(np.argmin(np.abs(WAVE.judge[:, 0] - x)))
        right = float(target[index])
        values.semilogx(1 + moments, history[:, index], color=colour)
        values.plot(1.3 * (1 + moments[-1]), right, "<", color=colour, markersize=8, clip_on=False)
        text = TEXTS("figures.values_change.at-input", value=x)
        values.text(1.7 * (1 + moments[-1]), right, text, color=colour, va="center", fontsize=9)
    values.set(xlabel=TEXTS("figures.values_change.step"), ylabel=TEXTS("figures.values_change.ylabel"))
    values.set(xlim=(1, 1.3 * (1 + moments[-1])), title=TEXTS("figures.values_change.values-title"))
    return figure


def three_kinds(results: Results, config: Any) -> Any:
    """Labels, pictures alone, reward: what each is given and how far it comes, every seed."""
    figure, (axes,) = canvas(1, 3, 15, 4.6)
    _supervised(axes[0], results)
    _unsupervised(axes[1], results, config.linear_code)
    _reinforced(axes[2], results, config)
    return figure


def _supervised(axis: Any, results: Results) -> None:
    for variant, colour, name in (("labels", BLUE, "own"), ("labels/swapped", RED, "swapped")):
        curves = 100 * results.values(variant, "validation_accuracy")
        steps = np.arange(1, curves.shape[1] + 1)
        for seed, curve in enumerate(curves):
            label = None if seed else TEXTS(f"figures.three_kinds.{name}")
            axis.plot(steps, curve, "o-", color=colour, alpha=0.5, markersize=3, label=label)
    means = 100 * results.items("labels", "means_right").mean()
    axis.axhline(means, color=GREY, label=TEXTS("figures.three_kinds.means"))
    axis.axhline(10, color=BLACK, linestyle=":", linewidth=1)
    axis.text(steps[-1], 19, TEXTS("figures.three_kinds.chance"), ha="right", fontsize=9)
    axis.set(xlabel=TEXTS("figures.three_kinds.epoch"), ylabel=TEXTS("figures.three_kinds.accuracy"), ylim=(0, 102))
    axis.set_xticks(steps)
    axis.set_title(TEXTS("figures.three_kinds.supervised-title"))
    axis.legend(loc="center right")


def _unsupervised(axis: Any, results: Results, linear_code: int) -> None:
    codes = results.of("pictures")[0].measurements["codes"]
    pca = results.values("pictures", "pca")
    axis.plot(codes, pca[0], "s-", color=GREY, label=TEXTS("figures.three_kinds.pca"))
    for seed, row in enumerate(results.values("pictures", "auto_encoder")):
        label = None if seed else TEXTS("figures.three_kinds.auto-encoder")
        axis.plot(codes, row, "o-", color=BLUE, alpha=0.5, markersize=4, label=label)
    if linear_code in codes:
        error = results.values("pictures", "linear_over_pca") * pca[:, list(codes).index(linear_code)]
        label = TEXTS("figures.three_kinds.linear")
        axis.plot(np.full(len(error), linear_code), error, "x", color=RED, markersize=8, label=label)
    axis.set_xscale("log", base=2)
    axis.set_xticks(codes, [str(k) for k in codes])
    axis.set(xlabel=TEXTS("figures.three_kinds.code"), ylabel=TEXTS("figures.three_kinds.error"))
    axis.set_ylim(0, None)
    axis.set_title(TEXTS("figures.three_kinds.unsupervised-title"))
    axis.legend(loc="lower left")


def _reinforced(axis: Any, results: Results, config: Any) -> None:
    for variant, colour, name in (("reward", BLUE, "reward"), ("reward/noise", RED, "noise")):
        for seed, curve in enumerate(results.values(variant, "returns")):
            episodes = config.environments * np.arange(1, len(curve) + 1)
            label = None if seed else TEXTS(f"figures.three_kinds.{name}")
            axis.plot(episodes, curve, color=colour, alpha=0.5, label=label)
    axis.axhline(config.threshold, color=BLACK, linestyle=":", linewidth=1)
    axis.text(config.environments, config.threshold - 4, TEXTS("figures.three_kinds.solved"), va="top", fontsize=9)
    axis.set(xlabel=TEXTS("figures.three_kinds.episodes"), ylabel=TEXTS("figures.three_kinds.steps"), ylim=(0, 510))
    axis.set_title(TEXTS("figures.three_kinds.reinforcement-title"))
    axis.legend(loc="best")


def without_labels(results: Results, config: Any) -> Any:
    """Clusters with the digits in them, and test digits redrawn from a few numbers by PCA and by auto-encoders."""
    first = results.of("pictures")[0].measurements
    order = np.argsort(first["names"], kind="stable")[:10]
    rows: list[tuple[str, Any]] = [
        (TEXTS("figures.without_labels.centre"), np.array(first["centres"])[order]),
        (TEXTS("figures.without_labels.contents"), None),
        (TEXTS("figures.without_labels.original"), np.array(first["originals"])),
    ]
    for k in first["redrawn"]:
        rows.append((TEXTS("figures.without_labels.pca", size=k), np.array(first["redrawn_pca"][k])))
        rows.append((TEXTS("figures.without_labels.auto-encoder", size=k), np.array(first["redrawn"][k])))
    figure, axes = canvas(len(rows), 10, 10, 1.05 * len(rows) + 0.5)
    for line, (name, pictures) in zip(axes, rows, strict=True):
        line[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
        for axis in line:
            axis.grid(False)
            axis.spines[:].set_visible(False)
            axis.set(xticks=[], yticks=[])
        for axis, pixels in zip(line, [] if pictures is None else pictures, strict=False):
            axis.imshow(pixels.reshape(28, 28), cmap="gray_r", vmin=0, vmax=255)
    for axis, cluster in zip(axes[0], order, strict=False):
        axis.set_title(TEXTS("figures.without_labels.named", digit=first["names"][cluster]), fontsize=9)
    for axis, cluster in zip(axes[1], order, strict=False):
        shares = np.array(first["shares"][cluster])
        colours = [BLUE if digit == first["names"][cluster] else GREY for digit in range(len(shares))]
        axis.bar(range(len(shares)), shares, color=colours)
        axis.set_xticks(range(len(shares)), [str(d) for d in range(len(shares))], fontsize=5)
        axis.tick_params(length=0, pad=1)
    index, named = (np.mean(results.values("pictures", m)) for m in ("adjusted_rand", "named_accuracy"))
    title = TEXTS("figures.without_labels.title", clusters=len(first["names"]), share=100 * named, index=index)
    figure.suptitle(title, fontsize=10)
    return figure


def policy(results: Results, config: Any) -> Any:
    """The policy as a function of the pole's state, before and after, and the returns of every seed."""
    maps = (("before", "reward", "before"), ("rewarded", "reward", "after"), ("noise", "reward/noise", "after"))
    figure, (axes,) = canvas(1, 4, 16.5, 4.2, width_ratios=(3, 3, 3, 4))
    for axis, (title, variant, when) in zip(axes, maps, strict=False):
        chance = np.array(results.of(variant)[0].measurements["policy"][when])
        image = axis.imshow(
            100 * chance, origin="lower", extent=(-12, 12, -2, 2), aspect="auto", cmap="RdBu_r", vmin=0, vmax=100
        )
        axis.set(title=TEXTS(f"figures.policy.{title}"), xlabel=TEXTS("figures.policy.angle"))
        axis.grid(False)
    axes[0].set_ylabel(TEXTS("figures.policy.velocity"))
    figure.colorbar(image, ax=axes[2], label=TEXTS("figures.policy.push"))
    players = {
        "random": ("reward", "random_return", GREY),
        "lean": ("reward", "lean_return", GREEN),
        "noise": ("reward/noise", "sampled_return", RED),
        "sampled": ("reward", "sampled_return", BLUE),
        "greedy": ("reward", "greedy_return", BLUE),
    }
    for place, (variant, name, colour) in enumerate(players.values()):
        values = results.values(variant, name)
        spread = np.linspace(-0.2, 0.2, len(values)) if len(values) > 1 else np.zeros(1)
        axes[3].plot(place + spread, values, "o", color=colour, alpha=0.6)
        axes[3].plot([place - 0.3, place + 0.3], [np.median(values)] * 2, color=BLACK)
    axes[3].set_xticks(range(len(players)), [TEXTS(f"figures.policy.player-{player}") for player in players])
    axes[3].set(ylabel=TEXTS("figures.policy.returns"), ylim=(0, 515), title=TEXTS("figures.policy.returns-title"))
    figure.suptitle(TEXTS("figures.policy.title"))
    return figure


FIGURES: Mapping[str, Callable[[Results, Any], Any]] = {
    "widths": widths,
    "plane": plane,
    "values_change": values_change,
    "three_kinds": three_kinds,
    "without_labels": without_labels,
    "policy": policy,
}
