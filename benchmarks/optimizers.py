"""How fast the NumPy optimizers step, beside torch.optim in the same run: python -m benchmarks.optimizers

1,000 steps of Adam on Beale's function. Both sides start at the same points and end at the same points. They take turns
on one thread and are measured in processor time, which a busy machine disturbs less; rows give medians over the rounds.
"""

import time
from collections.abc import Callable
from statistics import median

import numpy as np
import torch

from lib.optimizers import Adam
from lib.optimizers.base import Array
from lib.optimizers.surfaces import beale

STEPS = 1000
LEARNING_RATE = 0.01
ROUNDS = 7  # odd, so that the median is a measurement


Row = tuple[str, str, str, float, str]


def numpy_adam(starts: Array) -> Array:
    """Ours, with the gradient of the surface."""
    optimizer = Adam(LEARNING_RATE)
    theta, state = starts, optimizer.init(starts)
    for _ in range(STEPS):
        theta, state = optimizer.update(beale.gradient(theta), state, theta)
    return theta


def torch_adam(starts: Array) -> Array:
    """Torch as it is used: the gradient by autograd."""
    theta = torch.tensor(starts, requires_grad=True)
    optimizer = torch.optim.Adam([theta], lr=LEARNING_RATE)
    for _ in range(STEPS):
        optimizer.zero_grad()
        x, y = theta[:, 0], theta[:, 1]
        a, b, c = 1.5 - x + x * y, 2.25 - x + x * y**2, 2.625 - x + x * y**3
        (a**2 + b**2 + c**2).sum().backward()
        optimizer.step()
    return theta.detach().numpy()


def torch_adam_given_gradients(starts: Array) -> Array:
    """Torch with the gradient of the surface, as ours has it: the optimizers alone."""
    theta = torch.tensor(starts)
    optimizer = torch.optim.Adam([theta], lr=LEARNING_RATE)
    for _ in range(STEPS):
        theta.grad = torch.from_numpy(beale.gradient(theta.numpy()))
        optimizer.step()
    return theta.numpy()


def compare(
    name: str,
    starts: Array,
    peer: Callable[[Array], Array],
    goal: str = "",
) -> Row:
    """Time ours and the peer in turn."""
    times: dict[Callable[[Array], Array], list[float]] = {numpy_adam: [], peer: []}
    ends = {side: side(starts) for side in times}  # the first run warms up and shows that both do the same work
    np.testing.assert_allclose(ends[numpy_adam], ends[peer], rtol=0, atol=1e-6)
    for _ in range(ROUNDS):
        for side, seconds in times.items():
            begin = time.process_time()
            side(starts)
            seconds.append(time.process_time() - begin)
    ours, theirs = times.values()
    ratio = median(a / b for a, b in zip(ours, theirs, strict=True))
    return f"Adam, 1,000 steps, {name}", f"{median(ours):.3f} s", f"{median(theirs):.3f} s", ratio, goal


def run() -> list[Row]:
    """Rows of (what, ours, peer, ours / peer, goal), on one thread."""
    starts = beale.start + np.random.default_rng(0).uniform(-0.5, 0.5, (1000, 2))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return [
            compare("1,000 starts : torch.optim.Adam", starts, torch_adam, goal="<= 0.125"),
            compare("1,000 starts : torch.optim.Adam given our gradient", starts, torch_adam_given_gradients),
            compare("one start : torch.optim.Adam", starts[:1], torch_adam),
        ]
    finally:
        torch.set_num_threads(threads)


if __name__ == "__main__":
    for row in run():
        print(*row, sep="  ")
