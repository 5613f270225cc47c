"""The same LeNet-5 and the same training step four times, from the highest level of TensorFlow 2 to the lowest.

Each file stands alone and says the whole network: layers, loss, descent. Each has a class ``Network(weights, rate,
compiled)`` whose ``step(images, labels)`` takes one step of plain gradient descent on the mean cross-entropy and
returns the loss before it; images are (n, 28, 28, 1), labels (n,). ``logits(images)`` are (n, 10), ``weights()`` is the
list of ten arrays of `lib.models.lenet.keras_weights`, which is also what it starts from. Compiled: the step is a graph
of its own; otherwise Python runs it operation by operation ("eagerly").

The files import TensorFlow, so they are themselves imported where they are used.
"""

from __future__ import annotations

import io
import tokenize
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LEVELS: Mapping[str, str] = {
    "keras_model": "tf.keras: layers in a list, compile, fit",
    "subclass": "tf.keras: a class of one's own, GradientTape",
    "variables": "Python and tf.Variable, autograph",
    "functions": "tf.nn functions of tensors",
}
"""File of this package to what the lecture calls the level, highest first."""


def network(level: str, weights: Any, rate: float, compiled: bool) -> Any:
    """The `Network` of a level, starting from these weights (ten arrays, as Keras lists them)."""
    from lib.tf2.tf2.levels import functions, keras_model, subclass, variables

    module: Any = (keras_model, subclass, variables, functions)[list(LEVELS).index(level)]
    return module.Network(weights, rate, compiled)


def source(level: str) -> str:
    """The source of a level's file."""
    return (Path(__file__).parent / f"{level}.py").read_text(encoding="utf-8")


def lines_of_code(text: str) -> int:
    """Lines of Python source that hold code: not blank, no comment, no docstring."""
    layout = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
    lines: set[int] = set()
    statement: list[tokenize.TokenInfo] = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.NEWLINE:
            if [t.type for t in statement] != [tokenize.STRING]:
                lines.update(n for t in statement for n in range(t.start[0], t.end[0] + 1))
            statement = []
        elif token.type not in layout:
            statement.append(token)
    return len(lines)
