"""The small GPT beside nanoGPT, same size, text and run: python -m benchmarks.peers.nanogpt MODEL [STEPS]

MODEL is the file model.py of a copy of https://github.com/karpathy/nanoGPT, which is no part of this project; so
`./invoke bench` leaves this one out. Both learn Jane Austen's novels by nanoGPT's recipe for a CPU, one thread, taking
turns of 50 steps. Printed: processor time of a step (median), and the loss on the whole validation part after the last.
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from lib.harness.contract.seeds import Seed
from lib.harness.recording.journal import Journal
from lib.harness.recording.recorder import Recorder
from lib.models.descent import rate_at
from lib.nlp.gpt import model as gpt_model
from lib.nlp.gpt.lab import GptConfig
from lib.nlp.gpt.text import all_blocks, characters, draw_blocks, novels

RECIPE = GptConfig()
DECAY, TURN = 0.1, 50


class Theirs:
    """nanoGPT's model with its own optimizer and loss."""

    def __init__(self, file: Path, steps: int):
        spec = importlib.util.spec_from_file_location("nanogpt_model", file)
        if spec is None or spec.loader is None:
            raise SystemExit(f"MODEL: {file} is no Python file; it is model.py of a copy of nanoGPT")
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # its dataclass looks itself up there
        spec.loader.exec_module(module)
        torch.manual_seed(0)
        shape = module.GPTConfig(
            block_size=RECIPE.context,
            vocab_size=len(characters()),
            n_layer=RECIPE.layers,
            n_head=RECIPE.heads,
            n_embd=RECIPE.width,
            dropout=0.0,
            bias=False,
        )
        self.model: Any = module.GPT(shape)
        self.optimizer = self.model.configure_optimizers(DECAY, RECIPE.learning_rate, (0.9, 0.99), "cpu")
        self.steps, self.rng = steps, np.random.default_rng(0)
        self.seconds: list[float] = []

    def train(self, start: int, end: int) -> None:
        """Take these steps."""
        text = novels("train")
        for step in range(start, end):
            begin = time.process_time()
            for group in self.optimizer.param_groups:
                group["lr"] = rate_at(step, self.steps, RECIPE.learning_rate)
            inputs, targets = draw_blocks(text, RECIPE.blocks, RECIPE.context, self.rng)
            _, loss = self.model(torch.from_numpy(inputs), torch.from_numpy(targets.copy()))
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=True)
            self.seconds.append(time.process_time() - begin)

    def loss(self) -> float:
        """On the whole validation part."""
        inputs, targets = all_blocks(novels("validation"), RECIPE.context)
        self.model.eval()
        total = 0.0
        with torch.no_grad():
            for start in range(0, len(inputs), 64):
                part = slice(start, start + 64)
                _, loss = self.model(torch.from_numpy(inputs[part]), torch.from_numpy(targets[part].copy()))
                total += float(loss) * len(inputs[part])
        return total / len(inputs)


def main(file: Path, steps: int) -> None:
    """Train both in turns and print what came of it."""
    torch.set_num_threads(1)
    theirs = Theirs(file, steps)
    ours = gpt_model.build(
        len(characters()),
        Seed(0),
        width=RECIPE.width,
        layers=RECIPE.layers,
        heads=RECIPE.heads,
        context=RECIPE.context,
    )
    seconds: list[float] = []
    begin = [0.0]

    def at_step(step: int) -> None:
        if step:
            seconds.append(time.process_time() - begin[0])
        if step and step % TURN == 0:
            theirs.train(step - TURN, step)
        begin[0] = time.process_time()

    with tempfile.TemporaryDirectory() as folder:
        gpt_model.train(
            ours,
            novels("train"),
            steps=steps,
            blocks=RECIPE.blocks,
            learning_rate=RECIPE.learning_rate,
            seed=Seed(0),
            log=Recorder(Journal.create(Path(folder) / "run.jsonl", {"key": "bench"})),
            at_step=at_step,
        )
    theirs.train(len(theirs.seconds), steps)
    our_loss = gpt_model.losses_by_place(ours, novels("validation")).mean()
    print(f"a step: {1000 * median(seconds):.1f} ms, nanoGPT's {1000 * median(theirs.seconds):.1f} ms")
    print(f"loss after {steps} steps: {our_loss:.3f} nats, nanoGPT's {theirs.loss():.3f}")


if __name__ == "__main__":
    if len(sys.argv) < 2 or not Path(sys.argv[1]).is_file():
        raise SystemExit("MODEL: give the file model.py of a copy of nanoGPT")
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else RECIPE.steps)
