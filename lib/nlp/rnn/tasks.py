"""Two tasks whose answer depends on what was `distance` steps ago.

- **adding** (Hochreiter & Schmidhuber 1997, experiment 4): at each step a number, uniform in [0, 1], and a mark. The
  first step is marked and the one `distance` later, the last; the answer is the sum of the two marked numbers. Who
  always says 1 has a mean squared error of 1/6. The score is the share of that which is gone; 1/2 knows the last
  number only.
- **copy** (Hochreiter & Schmidhuber 1997; Arjovsky et al. 2016, here with one symbol): first one of 8 symbols, then
  blanks, and `distance` steps later the sign to tell which it was. The score is the share of right answers, of which
  1/8 is luck.

In the one there is something to be heard at every step; in the other nothing that could drown the first symbol.

Sequences are (distance + 1, batch, inputs).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    import torch

Task = Literal["adding", "copy"]
TASKS: tuple[Task, ...] = ("adding", "copy")
SYMBOLS = 8
BLANK, ASK = SYMBOLS, SYMBOLS + 1
INPUTS = {"adding": 2, "copy": SYMBOLS + 2}
OUTPUTS = {"adding": 1, "copy": SYMBOLS}
GUESSED = {"adding": 0.0, "copy": 1 / SYMBOLS}
"""The score of who guesses."""


def draw(task: Task, distance: int, batch: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Sequences and their answers: float32 (distance + 1, batch, inputs); sums or symbols (batch,)."""
    if task == "adding":
        X = np.zeros((distance + 1, batch, INPUTS[task]), dtype=np.float32)
        X[:, :, 0] = rng.random((distance + 1, batch))
        X[[0, distance], :, 1] = 1
        return X, X[0, :, 0] + X[distance, :, 0]
    symbols = np.full((distance + 1, batch), BLANK)
    symbols[0] = rng.integers(SYMBOLS, size=batch)
    symbols[distance] = ASK
    return np.eye(INPUTS[task], dtype=np.float32)[symbols], symbols[0]


def loss(task: Task, answers: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Mean squared error of answers (batch, 1), or cross-entropy in nats of logits (batch, 8)."""
    import torch

    if task == "adding":
        return torch.nn.functional.mse_loss(answers[:, 0], targets)
    return torch.nn.functional.cross_entropy(answers, targets)


def score(task: Task, answers: np.ndarray, targets: np.ndarray) -> float:
    """1 is perfect, `GUESSED` is a guess; NaN where an answer is none."""
    if task == "adding":
        return float(1 - np.mean((answers[:, 0] - targets) ** 2) * 6)
    return float(np.mean(answers.argmax(axis=1) == targets)) if np.isfinite(answers).all() else float("nan")
