"""Attention beside NumPy, closed forms and torch's own scaled dot product."""

import numpy as np
import pytest
import torch

from lib.nlp.seq2seq.attention import additive, attend, dot, general

N, T, S, H, A = 3, 4, 5, 6, 7
RNG = np.random.default_rng(0)
Q, K = RNG.normal(size=(N, T, H)), RNG.normal(size=(N, S, H))
W, U, V = RNG.normal(size=(A, H)), RNG.normal(size=(A, H)), RNG.normal(size=A)
SQUARE = RNG.normal(size=(H, H))


def tensors(*arrays: np.ndarray) -> list[torch.Tensor]:
    return [torch.from_numpy(array) for array in arrays]


def test_scores_are_the_papers_formulas_pair_by_pair() -> None:
    found = {
        "dot": dot(*tensors(Q, K)),
        "general": general(*tensors(Q, K, SQUARE)),
        "additive": additive(*tensors(Q, K, W, U, V)),
    }
    for n, t, s in np.ndindex(N, T, S):
        q, k = Q[n, t], K[n, s]
        by_hand = {"dot": q @ k, "general": q @ SQUARE @ k, "additive": V @ np.tanh(W @ q + U @ k)}
        for name, value in by_hand.items():
            assert float(found[name][n, t, s]) == pytest.approx(value, abs=1e-12), name


def test_contexts_are_torchs_own() -> None:
    queries, keys = tensors(Q, K)
    contexts, weights = attend(dot(queries, keys), keys)
    theirs = torch.nn.functional.scaled_dot_product_attention(queries, keys, keys, scale=1.0)
    torch.testing.assert_close(contexts, theirs, atol=1e-12, rtol=0)
    np.testing.assert_allclose(weights.sum(dim=2).numpy(), 1, atol=1e-12)
    assert weights.shape == (N, T, S) and bool((weights > 0).all())


def test_equal_scores_give_the_mean_and_a_large_one_its_key() -> None:
    (keys,) = tensors(K)
    contexts, _ = attend(torch.zeros(N, T, S, dtype=torch.float64), keys)
    torch.testing.assert_close(contexts, keys.mean(dim=1, keepdim=True).expand(N, T, H), atol=1e-12, rtol=0)
    scores = torch.zeros(N, T, S, dtype=torch.float64)
    scores[:, :, 2] = 1000
    contexts, weights = attend(scores, keys)
    torch.testing.assert_close(contexts, keys[:, 2:3].expand(N, T, H), atol=1e-12, rtol=0)
    assert float(weights[0, 0, 2]) == 1


def test_an_order_of_the_keys_is_the_order_of_the_weights() -> None:
    queries, keys = tensors(Q, K)
    order = torch.tensor([3, 1, 4, 0, 2])
    contexts, weights = attend(dot(queries, keys), keys)
    moved, their_weights = attend(dot(queries, keys[:, order]), keys[:, order])
    torch.testing.assert_close(moved, contexts, atol=1e-12, rtol=0)
    torch.testing.assert_close(their_weights, weights[:, :, order], atol=1e-12, rtol=0)


def test_gradients_are_finite_differences() -> None:
    inputs = [each.requires_grad_() for each in tensors(Q, K, W, U, V)]
    assert torch.autograd.gradcheck(lambda q, k, w, u, v: attend(additive(q, k, w, u, v), k)[0], inputs)
