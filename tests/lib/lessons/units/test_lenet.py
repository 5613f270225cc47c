"""The lesson on LeNet: mistakes get their hints, solutions pass, and the garment that moves is recognised at rest."""

import numpy as np
import pytest

from lib.lessons.units.lenet.explore import GARMENTS, moved, picture, probabilities
from tests.lib.lessons.support import answer, solution, still
from tests.lib.lessons.units.mistakes import cases

SLIDE = """
def slide(x, w):
    h, v = x.shape[0] - len(w) + 1, x.shape[1] - len(w[0]) + 1
    return sum(w[a, b] * x[a : a + h, b : b + v] for a in range(len(w)) for b in range(len(w[0])))

"""
PARTS = f"""{SLIDE}
def conv(x, w, b, slide=slide):
    return np.array([b[o] + sum(slide(x[c], w[o, c]) for c in range(len(x))) for o in range(len(w))])

def relu(x):
    return np.maximum(x, 0)

def pool(x):
    return x.reshape(len(x), x.shape[1] // 2, 2, x.shape[2] // 2, 2).max(axis=(2, 4))

def mean(x):
    return x.reshape(len(x), x.shape[1] // 2, 2, x.shape[2] // 2, 2).mean(axis=(2, 4))

"""
HEADS = {
    "conv_parameters": "def conv_parameters(inputs, outputs, side):",
    "conv_layer": f"{SLIDE}def conv_layer(maps, kernels, biases):",
    "max_pool": "def max_pool(maps):",
    "lenet": f"{PARTS}def lenet(image, w):",
    "most_confused": "def most_confused(confusion):",
}


def layer(start: str, line: str, end: str = "outputs.append(total)", names: str = "o, c") -> str:
    """The body of `conv_layer`: what each output starts with, the line for each channel, and what is kept."""
    o, c = names.split(", ")
    return (
        f"outputs = []\nfor {o} in range(len(kernels)):\n    total = {start}\n"
        f"    for {c} in range(len(maps)):\n        {line}\n    {end}\nreturn np.array(outputs)"
    )


def stacked(line: str) -> str:
    """The same with a list of all channels."""
    return (
        "outputs = []\nfor k, bias in zip(kernels, biases):\n"
        "    parts = np.array([slide(m, f) for m, f in zip(maps, k)])\n"
        f"    outputs.append({line})\nreturn np.array(outputs)"
    )


def network(
    *,
    conv: str = "pool(relu(conv({})))",
    flat: str = "x.reshape(400)",
    dense: str = "relu({})",
    last: str = "{}",
    bias: str = " + w['{}.bias']",
) -> str:
    """The body of `lenet` with these layers."""
    lines = ["x = np.pad(image, 2)[None]"]
    for name in ("conv1", "conv2"):
        lines.append("x = " + conv.format(f"x, w['{name}.weight'], w['{name}.bias']"))
    lines.append(f"x = {flat}")
    for name, form in (("dense1", dense), ("dense2", dense), ("dense3", last)):
        lines.append("x = " + form.format(f"w['{name}.weight'] @ x{bias.format(name)}"))
    return "\n".join([*lines, "return x"])


def by_blocks(expression: str) -> str:
    """The body of `max_pool` with this of `blocks` (channels, height / 2, 2, width / 2, 2)."""
    return f"c, h, v = maps.shape\nblocks = maps.reshape(c, h // 2, 2, v // 2, 2)\nreturn {expression}"


def by_places(expression: str) -> str:
    """The same with loops: this of the block at (i, j)."""
    return (
        "c, h, v = maps.shape\ny = np.zeros((c, h // 2, v // 2))\nfor k in range(c):\n"
        "    for i in range(h // 2):\n        for j in range(v // 2):\n"
        "            block = maps[k, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]\n"
        f"            y[k, i, j] = {expression}\nreturn y"
    )


OFF = "e = confusion * (1 - np.eye(10))\n"
WHERE = "return np.unravel_index({}, (10, 10))"
ADD = "total = total + slide(maps[c], kernels[o, c])"
MISTAKES = {
    "conv_parameters": {
        "no_bias": ("return inputs * outputs * side**2", "return np.prod([inputs, outputs, side, side])"),
        "one_bias": ("return inputs * outputs * side**2 + 1", "return 1 + np.prod([inputs, outputs, side, side])"),
        "bias_per_filter": (
            "return (side * side + 1) * inputs * outputs",
            "n = inputs * outputs\nreturn n * side**2 + n",
        ),
        "no_inputs": ("return (side * side + 1) * outputs", "return outputs * side**2 + outputs"),
        "no_outputs": ("return inputs * side * side + 1", "return 1 + inputs * side**2"),
        "side_once": ("return (inputs * side + 1) * outputs", "return outputs * inputs * side + outputs"),
        "bias_per_input": ("return (outputs * side**2 + 1) * inputs", "return inputs * outputs * side * side + inputs"),
        "doubled": ("return (inputs * side * 2 + 1) * outputs", "return outputs + outputs * inputs * 2 * side"),
        "no_inputs_no_bias": ("return outputs * side * side", "return side**2 * outputs"),
    },
    "conv_layer": {
        "no_bias": (layer("0", ADD), stacked("parts.sum(axis=0)")),
        "bias_per_channel": (
            layer("0", "total = total + slide(maps[c], kernels[o, c]) + biases[o]"),
            stacked("(parts + bias).sum(axis=0)"),
        ),
        "last_channel": (
            layer("0", "total = slide(maps[c], kernels[o, c]) + biases[o]"),
            stacked("parts[-1] + bias"),
        ),
        "last_channel_no_bias": (layer("biases[o]", "total = slide(maps[c], kernels[o, c])"), stacked("parts[-1]")),
        "first_channel": (
            layer("biases[o] + slide(maps[0], kernels[o, 0])", "pass"),
            stacked("parts[0] + bias"),
        ),
        "averaged": (
            layer("biases[o]", "total = total + slide(maps[c], kernels[o, c]) / len(maps)"),
            stacked("parts.mean(axis=0) + bias"),
        ),
        "turned": (
            layer("biases[o]", "total = total + slide(maps[c], kernels[o, c, ::-1, ::-1])"),
            layer("biases[o]", "total = total + slide(maps[c], np.rot90(kernels[o, c], 2))"),
        ),
        "activated": (
            layer("biases[o]", ADD, end="outputs.append(np.maximum(total, 0))"),
            stacked("np.clip(parts.sum(axis=0) + bias, 0, None)"),
        ),
        "minus_bias": (layer("-biases[o]", ADD), stacked("parts.sum(axis=0) - bias")),
        "first_filter": (
            layer("biases[o]", "total = total + slide(maps[c], kernels[0, c])"),
            stacked("sum(slide(m, f) for m, f in zip(maps, kernels[0])) + bias"),
        ),
        "not_summed": (stacked("parts + bias"), stacked("parts")),
        "one_output": (
            "return sum(slide(maps[c], kernels[0, c]) for c in range(len(maps))) + biases[0]",
            stacked("parts.sum(axis=0) + bias") + "[0]",
        ),
    },
    "max_pool": {
        "average": (by_blocks("blocks.mean(axis=(2, 4))"), by_places("block.sum() / 4")),
        "minimum": (by_blocks("blocks.min(axis=(2, 4))"), by_places("min(block[0].min(), block[1].min())")),
        "summed": (by_blocks("blocks.sum(axis=(2, 4))"), by_places("np.sum(block)")),
        "corner": ("return maps[:, ::2, ::2]", by_places("block[0, 0]")),
        "diagonal": ("return np.maximum(maps[:, ::2, ::2], maps[:, 1::2, 1::2])", by_places("np.diag(block).max()")),
        "half_row": ("return np.maximum(maps[:, ::2, ::2], maps[:, ::2, 1::2])", by_places("block[0].max()")),
        "half_column": ("return np.maximum(maps[:, ::2, ::2], maps[:, 1::2, ::2])", by_places("block[:, 0].max()")),
        "far_apart": (
            "c, h, v = maps.shape\nreturn maps.reshape(c, 2, h // 2, 2, v // 2).max(axis=(1, 3))",
            "c, h, v = maps.shape\nu = np.maximum(maps[:, : h // 2], maps[:, h // 2 :])\n"
            "return np.maximum(u[:, :, : v // 2], u[:, :, v // 2 :])",
        ),
        "size": (by_blocks("np.abs(blocks).max(axis=(2, 4))"), by_places("max(block.max(), -block.min())")),
        "stride": (
            "a = np.maximum(maps[:, :-1], maps[:, 1:])\nreturn np.maximum(a[:, :, :-1], a[:, :, 1:])",
            "v = np.lib.stride_tricks.sliding_window_view(maps, (2, 2), axis=(1, 2))\nreturn v.max(axis=(3, 4))",
        ),
        "rows_only": ("return np.maximum(maps[:, ::2], maps[:, 1::2])", "return maps.reshape(3, 4, 2, 12).max(axis=2)"),
        "columns_only": (
            "return np.maximum(maps[:, :, ::2], maps[:, :, 1::2])",
            "return maps.reshape(3, 8, 6, 2).max(axis=3)",
        ),
        "channels_lost": (by_blocks("blocks.max(axis=(0, 2, 4))"), by_blocks("blocks.max(axis=(2, 4)).max(axis=0)")),
        "channels_too": (
            by_blocks("blocks.max(axis=(0, 2, 4))[None]"),
            by_blocks("blocks.max(axis=(2, 4)).max(axis=0, keepdims=True)"),
        ),
        "one_per_map": ("return maps.max(axis=(1, 2))", "return [m.max() for m in maps]"),
    },
    "lenet": {
        "relu_at_the_end": (network(last="relu({})"), network(last="np.clip({}, 0, None)")),
        "probabilities": (
            network().replace("return x", "e = np.exp(x - x.max())\nreturn e / e.sum()"),
            network().replace("return x", "return np.exp(x) / np.sum(np.exp(x))"),
        ),
        "no_relu": (network(conv="pool(conv({}))", dense="{}"), network(conv="pool(1 * conv({}))", dense="1.0 * ({})")),
        "no_relu_conv": (network(conv="pool(conv({}))"), network(conv="pool(conv({}) + 0)")),
        "no_relu_dense": (network(dense="{}"), network(dense="1 * ({})")),
        "no_relu_one": (
            network().replace("x = relu(w['dense2", "x = (w['dense2"),
            network().replace(
                "pool(relu(conv(x, w['conv1.weight'], w['conv1.bias'])))",
                "pool(conv(x, w['conv1.weight'], w['conv1.bias']))",
            ),
        ),
        "order": (
            network(flat="x.transpose(1, 2, 0).reshape(400)"),
            network(flat="np.moveaxis(x, 0, -1).ravel()"),
        ),
        "no_bias_dense": (network(bias=""), network(bias=" + 0 * w['{}.bias']")),
        "no_bias": (
            network(bias="").replace(".bias']", ".bias'] * 0"),
            network(bias=" * 1").replace("w['conv1.bias']", "np.zeros(6)").replace("w['conv2.bias']", "np.zeros(16)"),
        ),
        "sigmoid": (
            network(
                conv="4 ** -1 * sum(1 / (1 + np.exp(-conv({0})))[:, i::2, j::2] for i in (0, 1) for j in (0, 1))",
                dense="1 / (1 + np.exp(-({})))",
            ),
            network(
                conv="mean(1 / (1 + np.exp(-conv({}))))",
                dense="(1 + np.exp(-({}))) ** -1",
            ),
        ),
    },
    "most_confused": {
        "diagonal": (WHERE.format("confusion.argmax()"), "k = int(np.argmax(confusion))\nreturn k // 10, k % 10"),
        "flat": (OFF + "return e.argmax()", "e = confusion.copy()\nnp.fill_diagonal(e, 0)\nreturn int(np.argmax(e))"),
        "count": (
            OFF + "return e.max()",
            "return max(confusion[i, j] for i in range(10) for j in range(10) if i != j)",
        ),
        "swapped": (
            OFF + WHERE.format("e.argmax()") + "[::-1]",
            OFF + "return np.unravel_index(e.T.argmax(), (10, 10))",
        ),
        "class_with_most": (
            OFF + "return e.sum(axis=1).argmax(), e.sum(axis=0).argmax()",
            OFF + "return np.argmax(np.sum(e, 1)), np.argmax(np.sum(e, 0))",
        ),
        "both_ways": (
            OFF + WHERE.format("np.triu(e + e.T).argmax()"),
            "best, pair = -1, None\nfor i in range(10):\n    for j in range(i + 1, 10):\n"
            "        n = confusion[i, j] + confusion[j, i]\n        if n > best:\n"
            "            best, pair = n, (i, j)\nreturn pair",
        ),
        "least": (WHERE.format("confusion.argmin()"), "k = int(np.argmin(confusion))\nreturn [k // 10, k % 10]"),
        "one_number": ("return 3.5", "return [0.5]"),
    },
}
NEEDED = {"lenet": ["conv_layer", "max_pool", "lenet"]}


@pytest.mark.parametrize(("exercise", "key", "code"), cases(MISTAKES, HEADS))
def test_a_mistake_gets_its_hint(exercise: str, key: str, code: str) -> None:
    assert answer("lenet", exercise, code) == key


@pytest.mark.parametrize("exercise", MISTAKES)
def test_the_solution_passes(exercise: str) -> None:
    code = "\n".join([SLIDE, *(solution("07-lenet", name) for name in NEEDED.get(exercise, [exercise]))])
    assert answer("lenet", exercise, code) is None


def test_the_table_of_mistakes_is_not_to_be_changed() -> None:
    code = (
        "def most_confused(confusion):\n    np.fill_diagonal(confusion, 0)\n    return divmod(confusion.argmax(), 10)"
    )
    assert answer("lenet", "most_confused", code) == "mutated"


def test_a_garment_moves_and_turns() -> None:
    image = np.zeros((28, 28), np.uint8)
    image[10, 12] = 255
    assert np.argwhere(moved(image, 3, -2, 0)).tolist() == [[8, 15]]
    turned = moved(picture("boot"), 0, 0, 180)
    assert np.abs(turned - picture("boot")[::-1, ::-1] / 255).max() < 0.01
    assert not moved(image, 12, 12, 0)[:, :12].any()


def test_a_garment_at_rest_is_recognised() -> None:
    right = sum(probabilities(moved(picture(each), 0, 0, 0)).argmax() == label for label, each in enumerate(GARMENTS))
    assert right == len(GARMENTS)
    assert probabilities(moved(picture("boot"), 0, 0, 0)).sum() == pytest.approx(1)


def test_every_place_can_be_drawn() -> None:
    drawn = still("lenet", "garment", garment="dress", right=12, down=-12, angle=-180)
    assert drawn.startswith(b"\x89PNG")
