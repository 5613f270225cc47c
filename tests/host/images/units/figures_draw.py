"""Matplotlib draws an animation and a 3-D surface, with the font cache that came with the image."""

import logging
from pathlib import Path

import numpy as np

messages: list[str] = []
handler = logging.Handler()
handler.emit = lambda record: messages.append(record.getMessage())  # type: ignore[method-assign]
logging.getLogger("matplotlib").addHandler(handler)
logging.getLogger("matplotlib").setLevel(logging.INFO)

import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.animation import FuncAnimation, PillowWriter  # noqa: E402

figure, axes = plt.subplots(figsize=(3, 2))
(line,) = axes.plot([], [])
axes.set(xlim=(0, 6), ylim=(-1, 1), title="loss")
x = np.linspace(0, 6, 50)
FuncAnimation(figure, lambda i: line.set_data(x[:i], np.sin(x[:i])), frames=[10, 30, 50]).save("/tmp/a.gif", PillowWriter(5))
assert Path("/tmp/a.gif").read_bytes().startswith(b"GIF89a")

surface = plt.figure().add_subplot(projection="3d")
surface.plot_surface(*np.meshgrid(x, x), np.outer(np.sin(x), np.cos(x)))
surface.figure.savefig("/tmp/s.png")
assert Path("/tmp/s.png").read_bytes().startswith(b"\x89PNG")
assert not any("font cache" in m or "generated new fontManager" in m for m in messages), messages
