"""ELMo's mixture of layers, and the probe that asks a layer what it knows.

Peters et al. 2018, "Deep contextualized word representations", equation 1: the vector of word k for a task is

    e_k = γ Σ_j s_j h_kj        s = softmax(raw), so the weights are positive and sum to 1

with h_kj the vector of layer j (0: the word's own embedding), raw and γ learned with the task. The probe is softmax
regression on e_k: a linear map, so that what it finds is in the vectors and not in the probe. With one layer s is 1.
Each feature is brought to mean 0 and deviation 1 by the probe's training examples first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lib.harness.contract.seeds import Seed

STEPS, RATE, DECAY = 200, 0.05, 1e-4
"""Adam's steps over all examples at once, its rate (falling to 0), and the weight of the squared weights' sum."""


def mixture_weights(raw: np.ndarray) -> np.ndarray:
    """s: positive, and their sum is 1. Shape (layers,)."""
    raised = np.exp(raw - raw.max())
    return np.asarray(raised / raised.sum())


def mix(layers: np.ndarray, raw: np.ndarray, gamma: float = 1.0) -> np.ndarray:
    """γ Σ_j s_j h_j: from (n, layers, features) to (n, features)."""
    return np.asarray(gamma * np.einsum("j,njf->nf", mixture_weights(raw), layers))


@dataclass(frozen=True)
class Probe:
    """A learned probe.

    Attributes:
        center, scale: of the features, (layers, features).
        raw, gamma: of the mixture.
        weights, bias: (labels, features) and (labels,).
    """

    center: np.ndarray
    scale: np.ndarray
    raw: np.ndarray
    gamma: float
    weights: np.ndarray
    bias: np.ndarray

    def answers(self, layers: np.ndarray) -> np.ndarray:
        """The most likely label of vectors (n, layers, features): (n,)."""
        mixed = mix((layers - self.center) / self.scale, self.raw, self.gamma)
        return np.asarray((mixed @ self.weights.T + self.bias).argmax(axis=1))

    def accuracy(self, layers: np.ndarray, labels: np.ndarray) -> float:
        """Share of vectors whose label is found."""
        return float(np.mean(self.answers(layers) == labels))


def learn_probe(layers: np.ndarray, labels: np.ndarray, number_of_labels: int, seed: Seed) -> Probe:
    """Learn labels (n,) from vectors (n, layers, features); start from the seed's "probe"."""
    import torch

    center, scale = layers.mean(axis=0), layers.std(axis=0) + 1e-6
    inputs, targets = torch.from_numpy((layers - center) / scale), torch.from_numpy(labels)
    raw = torch.zeros(layers.shape[1], dtype=inputs.dtype, requires_grad=True)
    gamma = torch.ones((), dtype=inputs.dtype, requires_grad=True)
    start = seed.rng("probe").normal(0, 0.01, (number_of_labels, layers.shape[2]))
    weights = torch.from_numpy(start).to(inputs.dtype).requires_grad_()
    bias = torch.zeros(number_of_labels, dtype=inputs.dtype, requires_grad=True)
    optimizer = torch.optim.Adam([raw, gamma, weights, bias], lr=RATE)
    for step in range(STEPS):
        optimizer.param_groups[0]["lr"] = RATE * (1 - step / STEPS)
        mixed = inputs.squeeze(1) if len(raw) == 1 else torch.einsum("j,njf->nf", raw.softmax(dim=0), inputs)
        loss = torch.nn.functional.cross_entropy(gamma * mixed @ weights.T + bias, targets)
        optimizer.zero_grad()
        (loss + DECAY * weights.square().sum()).backward()
        optimizer.step()
    learned = [each.detach().numpy().copy() for each in (raw, weights, bias)]
    return Probe(center, scale, learned[0], float(gamma.detach()), learned[1], learned[2])
