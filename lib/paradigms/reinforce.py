r"""REINFORCE: learning what to do from rewards alone; nobody says which action would have been right.

Williams 1992, "Simple statistical gradient-following algorithms for connectionist reinforcement learning". A policy
$\pi(a|s)$, here a network's softmax, plays whole episodes; then every action is made more likely if what followed was
better than usual, and less likely if worse:

    $\nabla J = E \sum_t (G_t - b_t)\, \nabla \log \pi(a_t|s_t)$,   $G_t = r_t + \gamma\, G_{t+1}$

The baseline b may be anything that does not depend on the action: it leaves the expected gradient as it is and lowers
its variance. Here $b_t$ is the mean of $G_t$ over the *other* episodes, 0 for those that have ended. The differences
are divided by their standard deviation, which scales the step and does not turn it.

The environment is gymnasium's CartPole-v1 (Barto, Sutton & Anderson 1983), many at once: push the cart left or right,
reward 1 for each step until the pole leans 12 degrees or the cart leaves the track, at most 500 steps. An episode's
return is its length. Arrays are (steps, episodes).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from lib.harness.contract.seeds import Seed
from lib.models.mlp import initial_weights, torch_mlp

if TYPE_CHECKING:
    import torch

Logits = Callable[[np.ndarray], np.ndarray]
"""Observations (n, 4) to the logits of the actions (n, 2)."""
Baseline = Literal["none", "others"]
Reward = Literal["balance", "noise"]


@dataclass(frozen=True)
class Episodes:
    """The episodes played. observations: (steps, episodes, 4); actions, rewards and alive: (steps, episodes).

    alive says which steps belong to an episode: all of an array's episodes are as long as the longest.
    """

    observations: np.ndarray
    actions: np.ndarray
    rewards: np.ndarray
    alive: np.ndarray

    @property
    def returns(self) -> np.ndarray:
        """The undiscounted return of each episode: (episodes,)."""
        return np.asarray(self.rewards.sum(axis=0))


def environments(number: int, seed: int) -> Any:
    """CartPole-v1, `number` at a time as arrays, seeded (below 2**31)."""
    import gymnasium

    env = gymnasium.make_vec("CartPole-v1", num_envs=number, vectorization_mode="vector_entry_point")
    env.reset(seed=seed)
    return env


def play(env: Any, logits: Logits, rng: np.random.Generator | None) -> Episodes:
    """One whole episode in each environment; actions drawn from the policy, or the likeliest where `rng` is None.

    An environment whose episode has ended starts another by itself in the next step (gymnasium's autoreset mode
    "next step"): from there on its steps do not count.
    """
    observation, _ = env.reset()
    alive = np.ones(len(observation), dtype=bool)
    steps = []
    while alive.any():
        scores = logits(observation)
        if rng is not None:
            scores = scores + rng.gumbel(size=scores.shape)  # its argmax is a draw from the softmax
        action = scores.argmax(axis=1)
        after, reward, terminated, truncated, _ = env.step(action)
        steps.append((observation, action, reward * alive, alive))
        alive = alive & ~(terminated | truncated)
        observation = after
    return Episodes(*map(np.array, zip(*steps, strict=True)))


def push_where_it_leans(observations: np.ndarray) -> np.ndarray:
    """Logits of the rule that a person thinks of first: push to the side to which the pole leans."""
    angle = observations[:, 2]
    return np.stack([-angle, angle], axis=1)


def returns_to_go(rewards: np.ndarray, discount: float) -> np.ndarray:
    """$G_t = r_t + \\gamma G_{t+1}$, from the last step backwards."""
    returns = np.zeros(rewards.shape)
    following = np.zeros(rewards.shape[1:])
    for step in reversed(range(len(rewards))):
        following = rewards[step] + discount * following
        returns[step] = following
    return returns


def advantages(returns: np.ndarray, baseline: Baseline) -> np.ndarray:
    """Returns less the mean return of the other episodes at the same step; or the returns as they are."""
    if baseline == "none":
        return returns
    others = (returns.sum(axis=1, keepdims=True) - returns) / (returns.shape[1] - 1)
    return np.asarray(returns - others)


def surrogate(logits: torch.Tensor, actions: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """The sum of -weight * log pi(action); its gradient is minus the policy's. logits (n, k), the others (n,)."""
    import torch

    return torch.sum(weights * torch.nn.functional.cross_entropy(logits, actions, reduction="none"))


class Policy:
    """A small network, 4 - hidden - 2, that REINFORCE trains."""

    def __init__(self, seed: Seed, hidden: int, learning_rate: float):
        import torch

        self.model = torch_mlp(initial_weights(seed.child("policy"), (4, hidden, 2), "lecun"), "tanh")
        self._optimizer = torch.optim.Adam(self.model.parameters(), learning_rate)

    def logits(self, observations: np.ndarray) -> np.ndarray:
        """Observations (n, 4) to logits (n, 2)."""
        import torch

        with torch.no_grad():
            return np.asarray(self.model(torch.from_numpy(observations)).numpy())

    def update(self, episodes: Episodes, rewards: np.ndarray, discount: float, baseline: Baseline) -> None:
        """One step of Adam along the policy gradient of these episodes, with these rewards."""
        import torch

        alive = episodes.alive
        weights = advantages(returns_to_go(rewards, discount), baseline)[alive]
        weights = weights / (weights.std() + 1e-8) / alive.shape[1]
        logits = self.model(torch.from_numpy(episodes.observations[alive]))
        loss = surrogate(logits, torch.from_numpy(episodes.actions[alive]), torch.from_numpy(weights).to(logits.dtype))
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()


def learn(
    env: Any,
    policy: Policy,
    seed: Seed,
    updates: int,
    *,
    discount: float = 0.99,
    baseline: Baseline = "others",
    reward: Reward = "balance",
) -> Iterator[np.ndarray]:
    """Play and update by turns; yields the true returns of each update's episodes (episodes,).

    With `reward` "noise" the policy is given random numbers of mean 0 in place of the rewards.
    """
    actions, noise = seed.rng("actions"), seed.rng("noise")
    for _ in range(updates):
        episodes = play(env, policy.logits, actions)
        rewards = episodes.rewards
        if reward == "noise":
            rewards = noise.normal(size=rewards.shape) * episodes.alive
        policy.update(episodes, rewards, discount, baseline)
        yield episodes.returns


def episodes_until(returns: np.ndarray, threshold: float, window: int = 100) -> float:
    """Episodes played until the mean return of the last `window` reaches the threshold; infinite if it never does."""
    if len(returns) < window:
        return float("inf")
    means = np.convolve(returns, np.full(window, 1 / window), "valid")
    reached = np.flatnonzero(means >= threshold - 1e-9)
    return float(reached[0] + window) if len(reached) else float("inf")
