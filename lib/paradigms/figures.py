"""The pictures of the paradigms lab: a network as a function, and what each kind of learning makes of what it is given.

Where only one network can be shown, it is that of the first seed; curves and points show every seed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from lib.harness.contract.drawing import PALETTE, canvas
from lib.harness.contract.results import Results
from lib.paradigms import approximation

BLUE, RED, GREEN, PINK, ORANGE, SKY, BLACK, GREY = PALETTE
WAVE, HILLS = approximation.TARGETS["wave"], approximation.TARGETS["hills"]


def widths(results: Results, config: Any) -> Any:
    """The wave by hand, trained, and the error by width with and without the non-linearity."""
    figure, (axes,) = canvas(1, 3, 15, 4.8)
    written, trained, errors = axes
    first = results.of("function")[0].measurements
    x = np.linspace(-1, 1, 1_001)[:, None]
    for axis in (written, trained):
        axis.plot(x, approximation.wave(x), color=GREY, linewidth=6, alpha=0.5, label="the function")
        axis.set(xlabel="input", ylabel="output", ylim=(-1.65, 1.65))
    for colour, width in ((RED, 4), (ORANGE, 8), (BLUE, 24)):
        written.plot(x, approximation.by_hand(width, x), color=colour, label=f"{width} units")
    written.set_title("Weights written by hand: each ReLU unit is a bend")
    predicted = np.array(first["wave/network/predicted"])
    shown = sorted({0, 1, len(config.widths) - 1})
    for colour, index in zip((ORANGE, SKY, BLUE), shown, strict=False):
        trained.plot(WAVE.judge, predicted[index], color=colour, label=f"{config.widths[index]} units")
    line = np.array(first["wave/linear/predicted"])[-1]
    trained.plot(WAVE.judge, line, color=RED, linestyle="--", label=f"{config.widths[-1]} units, no non-linearity")
    trained.set_title("Trained: more units, more bends")
    for axis in (written, trained):
        axis.legend(loc="upper left", fontsize=9)
    ends = np.array(config.widths)
    for name, marker, style in (("wave", "o", "-"), ("hills", "^", "--")):
        for kind, colour, words in (("network", BLUE, "trained"), ("linear", RED, "trained, no non-linearity")):
            values = results.values("function", f"{name}/{kind}")
            errors.loglog(ends, 100 * np.median(values, axis=0), color=colour, linestyle=style, zorder=1)
            for seed, row in enumerate(values):
                label = f"{words}: {name}" if seed == 0 else None
                errors.loglog(ends, 100 * row, marker, color=colour, markersize=4, alpha=0.5, label=label)
    by_hand = np.array([2, 4, 8, 16, 32, 64])
    share = [approximation.error(WAVE, approximation.by_hand(n, WAVE.judge)) for n in by_hand]
    errors.loglog(by_hand, 100 * np.array(share), "s-", color=GREEN, markersize=4, label="by hand: wave")
    errors.set_xticks(ends, [str(width) for width in ends])
    errors.minorticks_off()
    errors.set(xlabel="hidden units", ylabel="squared error in % of the function's variance")
    errors.set_title("Width helps only with a non-linear function inside")
    errors.legend(loc="lower left", fontsize=8)
    return figure


def plane(results: Results, config: Any) -> Any:
    """The hills, the best that a linear network makes of them, and networks of growing width."""
    first = results.of("function")[0].measurements
    side = round(len(HILLS.judge) ** 0.5)
    shown = sorted({0, 1, len(config.widths) // 2, len(config.widths) - 1})
    pictures = [
        ("the function", HILLS.function(HILLS.judge)),
        (f"{config.widths[-1]} units, no non-linearity\nerror {_percent(first['hills/linear'][-1])}",
         np.array(first["hills/linear/predicted"])[-1]),
    ]  # fmt: skip
    for index in shown:
        title = f"{config.widths[index]} units\nerror {_percent(first['hills/network'][index])}"
        pictures.append((title, np.array(first["hills/network/predicted"])[index]))
    figure, (axes,) = canvas(1, len(pictures), 2.6 * len(pictures), 3.4, sharey=True)
    for axis, (title, values) in zip(axes, pictures, strict=True):
        image = axis.imshow(
            values.reshape(side, side), origin="lower", extent=(-1, 1, -1, 1), cmap="RdBu_r", vmin=-1, vmax=1
        )
        axis.set(title=title, xlabel="first input", xticks=(-1, 0, 1), yticks=(-1, 0, 1))
        axis.grid(False)
    axes[0].set_ylabel("second input")
    figure.colorbar(image, ax=axes, label="output", shrink=0.8)
    figure.suptitle("Two numbers in, one out: a network is a function of its input; without a bend it stays a plane")
    return figure


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share > 0.1 else f"{100 * share:.2g} %"


def values_change(results: Results, config: Any) -> Any:
    """The function of the widest network while it learns, and its values at six inputs."""
    from matplotlib import colormaps

    first = results.of("function")[0].measurements
    moments, history = np.array(first["moments"]), np.array(first["history"])
    figure, (axes,) = canvas(1, 2, 13, 4.8)
    whole, values = axes
    whole.plot(WAVE.judge, WAVE.function(WAVE.judge), color=GREY, linewidth=6, alpha=0.5, label="what it should be")
    chosen = np.unique(np.searchsorted(moments, [0, 10, 40, 100, 300, moments[-1]]).clip(max=len(moments) - 1))
    for place, index in enumerate(chosen):
        shade = colormaps["viridis_r"](0.1 + 0.9 * place / (len(chosen) - 1))
        label = "before training" if moments[index] == 0 else f"after {moments[index]:,} steps"
        whole.plot(WAVE.judge, history[index], color=shade, label=label)
    whole.set(xlabel="input", ylabel="output", title="One network, one function, at six moments of its training")
    whole.legend(loc="upper left", fontsize=9)
    for colour, x in zip((BLUE, RED, GREEN, PINK, ORANGE, SKY), (-0.85, -0.5, -0.15, 0.15, 0.5, 0.85), strict=True):
        index = int(np.argmin(np.abs(WAVE.judge[:, 0] - x)))
        target = float(WAVE.function(WAVE.judge[index][None])[0])
        values.semilogx(1 + moments, history[:, index], color=colour)
        values.plot(1.3 * (1 + moments[-1]), target, "<", color=colour, markersize=8, clip_on=False)
        values.text(1.7 * (1 + moments[-1]), target, f"input {x:+.2f}", color=colour, va="center", fontsize=9)
    values.set(xlabel="step + 1", ylabel="output for one input", xlim=(1, 1.3 * (1 + moments[-1])))
    values.set_title("Its values change all the time, until they are right (◂)")
    return figure


def three_kinds(results: Results, config: Any) -> Any:
    """Labels, pictures alone, reward: what each is given and how far it comes, every seed."""
    figure, (axes,) = canvas(1, 3, 15, 4.6)
    labels, pictures, reward = axes
    for variant, colour, words in (("labels", BLUE, "with its labels"), ("labels/swapped", RED, "labels swapped")):
        curves = 100 * results.values(variant, "validation_accuracy")
        steps = np.arange(1, curves.shape[1] + 1)
        for seed, curve in enumerate(curves):
            labels.plot(steps, curve, "o-", color=colour, alpha=0.5, markersize=3, label=None if seed else words)
    labels.axhline(10, color=BLACK, linestyle=":", linewidth=1)
    labels.text(steps[-1], 19, "chance: 10 %", ha="right", fontsize=9)
    labels.set(xlabel="epoch", ylabel="accuracy on validation digits in %", ylim=(0, 102))
    labels.set_xticks(steps)
    labels.set_title("Supervised: given pictures and labels")
    labels.legend(loc="center right")
    codes = np.array(results.of("pictures")[0].measurements["codes"])
    pictures.plot(codes, results.values("pictures", "pca")[0], "s-", color=GREY, label="PCA (linear)")
    for seed, row in enumerate(results.values("pictures", "auto_encoder")):
        label = None if seed else "auto-encoder"
        pictures.plot(codes, row, "o-", color=BLUE, alpha=0.5, markersize=4, label=label)
    place = list(codes).index(config.linear_code) if config.linear_code in codes else -1
    if place >= 0:
        error = results.values("pictures", "linear_over_pca") * results.values("pictures", "pca")[:, place]
        words = "auto-encoder without non-linearity"
        pictures.plot(np.full(len(error), config.linear_code), error, "x", color=RED, markersize=8, label=words)
    pictures.set_xscale("log", base=2)
    pictures.set_xticks(codes, [str(k) for k in codes])
    pictures.set(xlabel="numbers that a picture is squeezed into", ylabel="squared error per pixel, test digits")
    pictures.set_ylim(0, None)
    pictures.set_title("Unsupervised: given pictures alone")
    pictures.legend(loc="lower left")
    for variant, colour, words in (("reward", BLUE, "with the reward"), ("reward/noise", RED, "reward is noise")):
        for seed, curve in enumerate(results.values(variant, "returns")):
            episodes = config.environments * np.arange(1, len(curve) + 1)
            reward.plot(episodes, curve, color=colour, alpha=0.5, label=None if seed else words)
    reward.axhline(config.threshold, color=BLACK, linestyle=":", linewidth=1)
    reward.text(config.environments, config.threshold - 4, "solved", va="top", fontsize=9)
    reward.set(xlabel="episodes played", ylabel="steps until the pole falls, mean", ylim=(0, 510))
    reward.set_title("Reinforcement: given a reward, no right answers")
    reward.legend(loc="center right")
    return figure


def without_labels(results: Results, config: Any) -> Any:
    """Clusters with the digits in them, and test digits redrawn from a few numbers by PCA and by auto-encoders."""
    first = results.of("pictures")[0].measurements
    order = np.argsort(first["names"], kind="stable")[:10]
    rows: list[tuple[str, Any]] = [("centre", np.array(first["centres"])[order]), ("test digits\nin it", None)]
    rows.append(("test digit", np.array(first["originals"])))
    for k in first["redrawn"]:
        rows.append((f"PCA\n{k} numbers", np.array(first["redrawn_pca"][k])))
        rows.append((f"network\n{k} numbers", np.array(first["redrawn"][k])))
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
        axis.set_title(f"named {first['names'][cluster]}", fontsize=9)
    for axis, cluster in zip(axes[1], order, strict=False):
        shares = np.array(first["shares"][cluster])
        colours = [BLUE if digit == first["names"][cluster] else GREY for digit in range(len(shares))]
        axis.bar(range(len(shares)), shares, color=colours)
        axis.set_xticks(range(len(shares)), [str(d) for d in range(len(shares))], fontsize=5)
        axis.tick_params(length=0, pad=1)
    found, named = (np.mean(results.values("pictures", m)) for m in ("adjusted_rand", "named_accuracy"))
    figure.suptitle(
        f"Without labels. Above: {len(first['names'])} clusters of k-means, named by their commonest digit afterwards: "
        f"{100 * named:.0f} % of the test digits\nare named right (adjusted Rand index {found:.2f}; chance: 0). "
        "Below: digits drawn again from a few numbers.",
        fontsize=10,
    )
    return figure


def policy(results: Results, config: Any) -> Any:
    """The policy as a function of the pole's state, before and after, and the returns of every seed."""
    maps = [("before training", "reward", "before"), ("after, with the reward", "reward", "after")]
    maps.append(("after, reward is noise", "reward/noise", "after"))
    figure, (axes,) = canvas(1, 4, 16, 4.2)
    for axis, (title, variant, when) in zip(axes, maps, strict=False):
        chance = np.array(results.of(variant)[0].measurements["policy"][when])
        image = axis.imshow(
            100 * chance, origin="lower", extent=(-12, 12, -2, 2), aspect="auto", cmap="RdBu_r", vmin=0, vmax=100
        )
        axis.set(title=title, xlabel="angle of the pole in degrees (right: +)")
        axis.grid(False)
    axes[0].set_ylabel("angular velocity in rad/s")
    figure.colorbar(image, ax=axes[2], label="chance of a push to the right in %")
    players = [("random\npushes", "reward", "random_return"), ("reward\nis noise", "reward/noise", "sampled_return")]
    players += [("rewarded,\ndrawn", "reward", "sampled_return"), ("rewarded,\nlikeliest", "reward", "greedy_return")]
    for place, (_, variant, name) in enumerate(players):
        values = results.values(variant, name)
        spread = np.linspace(-0.2, 0.2, len(values)) if len(values) > 1 else np.zeros(1)
        axes[3].plot(place + spread, values, "o", color=(GREY, RED, BLUE, BLUE)[place], alpha=0.6)
        axes[3].plot([place - 0.3, place + 0.3], [np.median(values)] * 2, color=BLACK)
    axes[3].set_xticks(range(len(players)), [name for name, *_ in players])
    axes[3].set(ylabel="return of 100 fresh episodes: steps", ylim=(0, 515), title="every seed, and the median")
    figure.suptitle("Nobody told the policy to push towards the side to which the pole falls: the reward did")
    return figure


FIGURES: Mapping[str, Callable[[Results, Any], Any]] = {
    "widths": widths,
    "plane": plane,
    "values_change": values_change,
    "three_kinds": three_kinds,
    "without_labels": without_labels,
    "policy": policy,
}
