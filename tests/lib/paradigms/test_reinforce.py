"""REINFORCE: its pieces by closed forms, and CartPole's episodes."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from lib.harness.contract.seeds import Seed
from lib.paradigms import reinforce


def test_returns_by_hand() -> None:
    rewards = np.array([[1.0, 1.0], [1.0, 1.0], [1.0, 0.0]])
    returns = reinforce.returns_to_go(rewards, 0.5)
    assert returns.tolist() == [[1.75, 1.5], [1.5, 1.0], [1.0, 0.0]]
    assert reinforce.returns_to_go(rewards, 1.0)[0].tolist() == rewards.sum(axis=0).tolist()


def test_advantages_by_hand() -> None:
    returns = np.array([[3.0, 1.0, 2.0], [1.0, 0.0, 0.0]])
    assert reinforce.advantages(returns, "others").tolist() == [[1.5, -1.5, 0.0], [1.0, -0.5, -0.5]]
    assert reinforce.advantages(returns, "none") is returns


def gradient(logits: list[float], actions: Any, weights: Any) -> np.ndarray:
    """Minus the gradient of the surrogate, so the direction in which the logits move: (actions,)."""
    z = torch.tensor(logits, dtype=torch.float64, requires_grad=True)
    loss = reinforce.surrogate(z.expand(len(actions), -1), torch.as_tensor(actions), torch.as_tensor(weights))
    (found,) = torch.autograd.grad(loss, z)
    return -found.numpy()


def test_the_gradient_of_one_action_is_its_closed_form() -> None:
    chances = np.exp([0.3, -0.5]) / np.exp([0.3, -0.5]).sum()
    assert_allclose(gradient([0.3, -0.5], [1], [2.0]), 2 * (np.array([0, 1]) - chances), atol=1e-12)


def test_a_bandit_is_pulled_towards_the_better_arm() -> None:
    arms = np.array([1.0, 3.0])
    actions = np.random.default_rng(0).integers(2, size=2_000)
    towards = gradient([0.0, 0.0], actions, reinforce.advantages(arms[actions][None], "others")[0])
    assert towards[1] > 0 > towards[0]


@pytest.mark.parametrize("chance", [0.2, 0.5])
def test_the_baseline_leaves_the_expected_gradient_and_lowers_its_variance(chance: float) -> None:
    """Two arms that pay 5 and 6; the derivative by the second logit is chance (1 - chance) (6 - 5)."""
    rng = np.random.default_rng(1)
    arms = np.array([5.0, 6.0])
    logits = [0.0, float(np.log(chance / (1 - chance)))]
    found: dict[reinforce.Baseline, list[float]] = {"none": [], "others": []}
    for _ in range(800):
        actions = (rng.random(10) < chance).astype(np.int64)
        for baseline, values in found.items():
            values.append(gradient(logits, actions, reinforce.advantages(arms[actions][None], baseline)[0] / 10)[1])
    expected = chance * (1 - chance)
    for values in found.values():
        assert abs(np.mean(values) - expected) < 4 * np.std(values) / len(values) ** 0.5
    assert np.var(found["others"]) < np.var(found["none"]) / 10


def test_an_episode_ends_where_its_pole_falls_and_no_autoreset_counts() -> None:
    env = reinforce.environments(20, seed=3)
    episodes = reinforce.play(env, lambda x: np.zeros((len(x), 2)), np.random.default_rng(0))
    assert episodes.observations.shape == (*episodes.alive.shape, 4)
    assert np.array_equal(episodes.rewards, episodes.alive)  # a reward of 1 for each step
    assert np.all(np.diff(episodes.alive.astype(int), axis=0) <= 0)  # once ended, an episode does not come back
    assert np.array_equal(episodes.returns, episodes.alive.sum(axis=0))
    assert len(set(episodes.returns)) > 3
    for environment, length in enumerate(episodes.returns.astype(int)):
        angles = np.abs(episodes.observations[:length, environment, 2])
        assert np.all(angles <= np.radians(12))  # the fall comes after the last action


def test_one_environment_alone_plays_the_same_steps() -> None:
    """The vectorised environment against gymnasium's plain one, from the same state and with the same actions."""
    import gymnasium

    env = reinforce.environments(5, seed=7)
    episodes = reinforce.play(env, lambda x: np.zeros((len(x), 2)), np.random.default_rng(1))
    single = gymnasium.make("CartPole-v1").unwrapped
    single.reset(seed=0)
    single.state = episodes.observations[0, 0].astype(np.float64)  # type: ignore[attr-defined]
    length = int(episodes.returns[0])
    for step in range(length):
        observation, _, terminated, _, _ = single.step(int(episodes.actions[step, 0]))
        assert terminated == (step == length - 1)
        if not terminated:
            assert_allclose(observation, episodes.observations[step + 1, 0], atol=1e-4)


def test_episodes_are_cut_at_500_steps() -> None:
    def upright(x: np.ndarray) -> np.ndarray:
        push = 10 * (3 * x[:, 2] + x[:, 3] + 0.1 * x[:, 0] + 0.3 * x[:, 1])
        return np.stack([-push, push], axis=1)

    episodes = reinforce.play(reinforce.environments(4, seed=0), upright, None)
    assert episodes.returns.tolist() == [500.0] * 4


def test_drawn_actions_have_the_softmax_chances() -> None:
    env = reinforce.environments(2_000, seed=0)
    episodes = reinforce.play(env, lambda x: np.tile([0.0, 1.0], (len(x), 1)), np.random.default_rng(0))
    assert episodes.actions[0].mean() == pytest.approx(np.e / (1 + np.e), abs=0.04)
    likeliest = reinforce.play(reinforce.environments(3, 0), lambda x: np.tile([0.0, 1.0], (len(x), 1)), None)
    assert np.all(likeliest.actions == 1)


def test_it_learns_and_repeats_bit_for_bit() -> None:
    def returns() -> np.ndarray:
        env = reinforce.environments(30, seed=1)
        policy = reinforce.Policy(Seed(5), 16, 0.03)
        return np.array(list(reinforce.learn(env, policy, Seed(5), 12)))

    first = returns()
    assert first[-1].mean() > 2 * first[0].mean()
    assert np.array_equal(first, returns())


def test_episodes_until_the_mean_of_the_last_hundred() -> None:
    returns = np.concatenate([np.zeros(150), np.full(200, 500.0)])
    assert reinforce.episodes_until(returns, 475) == 150 + 95
    assert reinforce.episodes_until(np.full(100, 475.0), 475) == 100
    assert reinforce.episodes_until(np.full(99, 500.0), 475) == float("inf")
    assert reinforce.episodes_until(np.zeros(1_000), 195) == float("inf")
