"""Matplotlib draws an animation and a 3-D surface without a display."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.animation import FuncAnimation, PillowWriter

figure, axes = plt.subplots(figsize=(3, 2))
(line,) = axes.plot([], [])
axes.set(xlim=(0, 6), ylim=(-1, 1), title="loss")
x = np.linspace(0, 6, 50)
animation = FuncAnimation(figure, lambda i: line.set_data(x[:i], np.sin(x[:i])), frames=[10, 30, 50])
animation.save("/tmp/a.gif", PillowWriter(5))
assert Path("/tmp/a.gif").read_bytes().startswith(b"GIF89a")

surface = plt.figure().add_subplot(projection="3d")
surface.plot_surface(*np.meshgrid(x, x), np.outer(np.sin(x), np.cos(x)))
surface.figure.savefig("/tmp/s.png")
assert Path("/tmp/s.png").read_bytes().startswith(b"\x89PNG")
