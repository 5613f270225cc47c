"""The small GPT on characters: how it is built, trained, judged, and how it goes on with a text.

Radford et al. 2018, "Improving language understanding by generative pre-training"; size and recipe of karpathy/nanoGPT
for a CPU: 4 layers, 4 heads, width 128, context 64. 12 blocks a step, 2000 steps, AdamW at 1e-3 falling to 1e-4.
The network is `lib.models.language_networks.Transformer`, 0.8 million parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from lib.harness.contract.claim import largest
from lib.harness.contract.seeds import Seed
from lib.harness.contract.trial import Log
from lib.harness.errors import UserError
from lib.models.descent import descend
from lib.models.precision import Precision
from lib.nlp.gpt.text import all_blocks, characters, checked, draw_blocks

if TYPE_CHECKING:
    import torch

    from lib.models.language_networks import Transformer

INNER = 4
"""The inner width of a block over its width, as in GPT."""


def build(vocabulary: int, seed: Seed, *, width: int, layers: int, heads: int, context: int) -> Transformer:
    """A causal transformer, its weights drawn from the seed's "init"."""
    import torch

    from lib.models.language_networks import Transformer

    torch.manual_seed(seed.integer("init"))
    return Transformer(vocabulary, width, layers=layers, heads=heads, inner=INNER * width, context=context, causal=True)


def train(
    network: Transformer,
    text: np.ndarray,
    *,
    steps: int,
    blocks: int,
    learning_rate: float,
    seed: Seed,
    log: Log,
    at_step: Callable[[int], None] | None = None,
    precision: Precision = "float32",
) -> np.ndarray:
    """Train on `blocks` pieces of the text a step; returns the losses, float32 (steps,)."""
    rng = seed.rng("blocks")

    def loss() -> torch.Tensor:
        inputs, targets = draw_blocks(text, blocks, network.context, rng)
        return _losses(network, inputs, targets).mean()

    return descend(
        network, loss, steps=steps, learning_rate=learning_rate, log=log, at_step=at_step, precision=precision
    )


def _losses(network: Transformer, inputs: np.ndarray, targets: np.ndarray) -> torch.Tensor:
    """-log p of each target, in nats: (n T,)."""
    import torch

    logits = network.logits(network(torch.from_numpy(np.ascontiguousarray(inputs))))
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), torch.from_numpy(targets.ravel()), reduction="none")


def losses_by_place(network: Transformer, text: np.ndarray, blocks: int = 0) -> np.ndarray:
    """Mean loss at each place of the context over the text's pieces, or over `blocks` of them: float64 (context,).

    The mean of all is the loss on this text. At place t the model knows t + 1 characters.
    """
    inputs, targets = all_blocks(text, network.context)
    if blocks:
        some = np.linspace(0, len(inputs) - 1, min(blocks, len(inputs))).astype(int)
        inputs, targets = inputs[some], targets[some]
    return np.asarray(_each_loss(network, inputs, targets).mean(axis=0, dtype=np.float64))


def losses_of_the_same(
    network: Transformer, text: np.ndarray, *, stretches: int, length: int, every: int, rng: np.random.Generator
) -> np.ndarray:
    """Mean loss at each place of the context, of the same characters at all places: float64 (context,).

    The text is read in `stretches` of `length` characters that begin where `rng` says, in pieces that begin `every`
    characters apart. So of `every` neighbouring places (the context is a multiple) each character is seen at one, and
    places that are so far apart differ by what the model has read, not by what happens to stand there.
    """
    context = network.context
    place = np.arange(0, context + length, every)[:, None] + np.arange(context)
    inside = (place >= context) & (place < context + length)
    total = np.zeros(context)
    for start in rng.integers(len(text) - 2 * context - length, size=stretches):
        pieces = np.lib.stride_tricks.sliding_window_view(text[start:], context + 1)[: context + length : every]
        total += _each_loss(network, pieces[:, :-1], pieces[:, 1:]).sum(axis=0, where=inside, dtype=np.float64)
    return np.asarray(total / (stretches * inside.sum(axis=0)))


def _each_loss(network: Transformer, inputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The losses (n, T) of all targets (n, T), some pieces at a time."""
    import torch

    with torch.no_grad():
        parts = [
            _losses(network, inputs[start : start + 64], targets[start : start + 64]).numpy()
            for start in range(0, len(inputs), 64)
        ]
    return np.concatenate(parts).reshape(inputs.shape)


def go_on(network: Transformer, prompt: str, length: int, rng: np.random.Generator) -> str:
    """`length` characters that the model makes after the prompt, each drawn with its probability.

    Raises:
        UserError: the prompt is empty or longer than the context, or the length is negative.
    """
    import torch

    if length < 0:
        raise UserError(f"length {length}: 0 or more characters can be made")
    numbers = list(checked(prompt, network.context))
    with torch.no_grad():
        for chance in rng.random(length):
            seen = torch.tensor([numbers[-network.context :]])
            chances = network.logits(network(seen)[0, -1]).double().softmax(dim=0).numpy().cumsum()
            numbers.append(min(int(np.searchsorted(chances, chance * chances[-1])), len(chances) - 1))
    return characters().decode(np.array(numbers[len(numbers) - length :], dtype=np.int64))


def log_probability(network: Transformer, text: str) -> np.ndarray:
    """log p of each character of a text but the first, given those before it: (length - 1,).

    Raises:
        UserError: the text is empty or longer than the context.
    """
    import torch

    numbers = checked(text, network.context)
    if len(numbers) == 1:
        return np.zeros(0)
    with torch.no_grad():
        return np.asarray(-_losses(network, numbers[None, :-1], numbers[None, 1:]).double().numpy())


def later_changes_earlier(network: Transformer, text: np.ndarray, seed: Seed) -> float:
    """The largest change of an output at any place when all characters after that place are drawn anew.

    0 for a network that only looks back. `text`: one block, (context,).
    """
    import torch

    model: Any = network
    rng, worst = seed.rng("later"), 0.0
    with torch.no_grad():
        before = model.logits(model(torch.from_numpy(text[None])))
        for place in range(len(text) - 1):
            changed = text.copy()
            rest = rng.integers(1, model.words.num_embeddings, len(text) - place - 1)
            changed[place + 1 :] = rest
            after = model.logits(model(torch.from_numpy(changed[None])))
            worst = largest((worst, (after - before)[0, : place + 1].abs()))
    return worst
