r"""An auto-encoder: a network that learns to draw its input again from k numbers. It needs no labels.

Hinton & Salakhutdinov 2006, "Reducing the dimensionality of data with neural networks". An encoder turns a picture x
(pixels,) into a code of k numbers, a decoder turns the code into a picture, and the loss is the mean squared difference
of the two pictures, per pixel.

Its measure is principal component analysis (Pearson 1901), the best that *linear* maps can do (Eckart & Young 1936).
An auto-encoder without non-linear functions has PCA's as its only minimum (Baldi & Hornik 1989).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lib.harness.contract.seeds import Seed
from lib.harness.contract.trial import Log
from lib.models.mlp import Activation, initial_weights, torch_mlp

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Components:
    """Principal components of pictures: their mean (pixels,) and orthonormal directions (k, pixels), largest first."""

    mean: np.ndarray
    directions: np.ndarray

    def first(self, k: int) -> Components:
        """The k largest of these."""
        return Components(self.mean, self.directions[:k])

    def redrawn(self, x: np.ndarray) -> np.ndarray:
        """Pictures (n, pixels) from their k coordinates."""
        return np.asarray(self.mean + (x - self.mean) @ self.directions.T @ self.directions)


def principal_components(x: np.ndarray, k: int) -> Components:
    """The k directions in which pictures (n, pixels) vary most: eigenvectors of their covariance, in float64."""
    mean = x.mean(axis=0, dtype=np.float64)
    centred = x - mean
    directions = np.linalg.eigh(centred.T @ centred)[1].T[::-1]
    return Components(mean, directions[:k])


def squared_error(x: np.ndarray, redrawn: np.ndarray) -> float:
    """Mean squared difference per pixel."""
    return float(np.mean((x.astype(np.float64) - redrawn) ** 2))


class AutoEncoder:
    """pixels - hidden - k - hidden - pixels; the activation follows the two hidden layers, the code is linear.

    Starts from Xavier's weights: He's make the codes and the pictures so large that thousands of steps shrink them.
    """

    def __init__(self, seed: Seed, pixels: int, hidden: int, k: int, activation: Activation = "relu"):
        from torch import nn

        self.code = k
        halves = {"encoder": (pixels, hidden, k), "decoder": (k, hidden, pixels)}
        self.model = nn.Sequential()
        for name, widths in halves.items():
            weights = initial_weights(seed.child("auto-encoder", name), widths, "xavier")
            self.model.add_module(name, torch_mlp(weights, activation))

    def train(self, x: np.ndarray, seed: Seed, log: Log, *, epochs: int, batch: int, learning_rate: float) -> None:
        """Lower the error on pictures (n, pixels) with Adam; the rate rises and falls once (Smith & Topin 2018)."""
        import torch

        data = torch.from_numpy(x).to(torch.get_default_dtype())
        optimizer = torch.optim.Adam(self.model.parameters(), learning_rate, fused=True)
        steps = epochs * -(-len(x) // batch)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=steps)
        for epoch in range(epochs):
            order = torch.from_numpy(seed.rng("order", epoch).permutation(len(x)))
            losses = []
            for index in order.split(batch):
                pictures: torch.Tensor = data[index]
                loss = torch.nn.functional.mse_loss(self.model(pictures), pictures)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                losses.append(loss.detach())
            log(epoch, squared_error=float(torch.stack(losses).mean()))

    def redrawn(self, x: np.ndarray) -> np.ndarray:
        """Pictures (n, pixels) from their k numbers."""
        import torch

        with torch.no_grad():
            return np.asarray(self.model(torch.from_numpy(x).to(torch.get_default_dtype())).numpy())
