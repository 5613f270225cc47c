r"""Convolution written by hand, forward and backward, in NumPy.

A kernel w slides over a picture x; at every place the numbers below it are multiplied and summed:

- convolution        $y[i, j] = \sum_{a, b} w[a, b]\, x[i - a, j - b]$
- cross-correlation  $y[i, j] = \sum_{a, b} w[a, b]\, x[i + a, j + b]$

One is the other with the kernel turned by 180 degrees. Convolution commutes and is associative, cross-correlation is
not; `torch.nn.functional.conv2d`, `tf.nn.conv2d` and the layers called Conv2D compute cross-correlation. A network
that learns its kernels cannot tell them apart: it learns the kernel turned round.

The other way to read the formula gives the lecture's sentence: take all of x at once, **shift** it by (a, b),
**multiply** it by w[a, b], **sum** over (a, b). `convolve` is written like that, `by_definition` as the formula stands,
`convolve_fft` by the theorem that convolution is multiplication of spectra.

Shapes, as torch has them: pictures (n, channels in, height, width), kernels (channels out, channels in, height,
width). Every output channel is the sum of the input channels, each with its own kernel. x is zero outside.

| mode | size of the output | which places |
|---|---|---|
| full | n + k - 1 | wherever kernel and picture overlap |
| same | n | as many as the picture has; (k - 1) // 2 zeros before it, k // 2 behind, as torch and TensorFlow pad |
| valid | n - k + 1 | where the kernel lies wholly inside the picture |
"""

from __future__ import annotations

from typing import Literal

import numpy as np

Mode = Literal["full", "same", "valid"]


def by_definition(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Full convolution as the formula is written: seven loops, the innermost one a product and a sum. Slow."""
    check_shapes(x, w)
    n, channels_in, height, width = x.shape
    channels_out, _, rows, columns = w.shape
    y = np.zeros((n, channels_out, height + rows - 1, width + columns - 1), np.result_type(x, w))
    for picture, out, i, j in np.ndindex(y.shape):
        total = y.dtype.type(0)
        for channel, a, b in np.ndindex(channels_in, rows, columns):
            if 0 <= i - a < height and 0 <= j - b < width:
                total += w[out, channel, a, b] * x[picture, channel, i - a, j - b]
        y[picture, out, i, j] = total
    return y


def convolve(x: np.ndarray, w: np.ndarray, mode: Mode = "full") -> np.ndarray:
    """Convolution: shift, multiply, sum. Returns (n, channels out, …) with the size that `mode` says.

    Raises:
        ValueError: the shapes do not fit, or the kernel is larger than the picture in mode "valid".
    """
    return cross_correlate(x, turned(w), mode)


def cross_correlate(x: np.ndarray, w: np.ndarray, mode: Mode = "valid") -> np.ndarray:
    """Cross-correlation, which the frameworks call convolution. Returns (n, channels out, …) with `mode`'s size.

    Raises:
        ValueError: the shapes do not fit, or the kernel is larger than the picture in mode "valid".
    """
    check_shapes(x, w, mode)
    rows, columns = w.shape[2:]
    x = padded(x, (rows, columns), mode)
    height, width = x.shape[2] - rows + 1, x.shape[3] - columns + 1
    y = np.zeros((len(x), len(w), height, width), np.result_type(x, w))
    for a, b in np.ndindex(rows, columns):
        shifted = x[:, :, a : a + height, b : b + width]
        y += np.tensordot(w[:, :, a, b], shifted, axes=(1, 1)).swapaxes(0, 1)
    return y


def convolve_fft(x: np.ndarray, w: np.ndarray, mode: Mode = "full") -> np.ndarray:
    """Convolution as the product of Fourier transforms: n² log n operations instead of n² k².

    Both are padded with zeros to the full size, so that nothing wraps round. "same" and "valid" are cut out of "full".

    Raises:
        ValueError: the shapes do not fit, or the kernel is larger than the picture in mode "valid".
    """
    check_shapes(x, w, mode)
    size = (x.shape[2] + w.shape[2] - 1, x.shape[3] + w.shape[3] - 1)
    spectrum = np.einsum("ncij,ocij->noij", np.fft.rfft2(x, size), np.fft.rfft2(w, size))
    full: np.ndarray = np.fft.irfft2(spectrum, size).astype(np.result_type(x, w))
    rows, columns = (_kept(n, k, mode) for n, k in zip(x.shape[2:], w.shape[2:], strict=True))
    return full[:, :, rows, columns]


def gradients(x: np.ndarray, w: np.ndarray, dy: np.ndarray, mode: Mode = "valid") -> tuple[np.ndarray, np.ndarray]:
    r"""Backward through `cross_correlate`: from dL/dy to (dL/dx, dL/dw).

    Every y that an x has entered by the weight w hands back dy w. Collected, both gradients are the same operation:

    - $dx = dy * w$: **convolution**, full, with the channels of w exchanged; what the padding got is cut off
    - $dw = x \star dy$: **cross-correlation**, valid, of the padded pictures with dy, summed over the pictures
    """
    wide = padded(x, w.shape[2:], mode)
    dw = cross_correlate(wide.swapaxes(0, 1), dy.swapaxes(0, 1), "valid").swapaxes(0, 1)
    (top, _), (left, _) = _margins(w.shape[2:], mode)
    dx = convolve(dy, w.swapaxes(0, 1), "full")[:, :, top : top + x.shape[2], left : left + x.shape[3]]
    return dx, dw


def filtered(picture: np.ndarray, kernel: np.ndarray, mode: Mode = "valid") -> np.ndarray:
    """Cross-correlation of one picture (height, width) with one kernel (height, width), as a filter is drawn."""
    response: np.ndarray = cross_correlate(picture[None, None], kernel[None, None], mode)[0, 0]
    return response


def turned(w: np.ndarray) -> np.ndarray:
    """The kernel turned by 180 degrees, which makes convolution of cross-correlation and the other way round."""
    return w[..., ::-1, ::-1]


def padded(x: np.ndarray, kernel: tuple[int, ...], mode: Mode) -> np.ndarray:
    """The pictures with the zeros round them that `mode` needs for a kernel of this height and width."""
    return np.pad(x, ((0, 0), (0, 0), *_margins(kernel, mode)))


def _margins(kernel: tuple[int, ...], mode: Mode) -> list[tuple[int, int]]:
    """Zeros before and behind, for each of the two directions."""
    if mode == "same":
        return [((k - 1) // 2, k // 2) for k in kernel]
    return [(k - 1, k - 1) if mode == "full" else (0, 0) for k in kernel]


def _kept(n: int, k: int, mode: Mode) -> slice:
    """The part of a full convolution, n + k - 1 long, that `mode` keeps."""
    if mode == "valid":
        return slice(k - 1, n)
    return slice(None) if mode == "full" else slice(k // 2, k // 2 + n)


def check_shapes(x: np.ndarray, w: np.ndarray, mode: Mode = "full") -> None:
    """See that x is (n, channels, height, width) and w (channels out, the same channels, height, width).

    Raises:
        ValueError: they are not, one of them is empty, or w is larger than x in mode "valid".
    """
    if x.ndim != 4 or w.ndim != 4 or x.shape[1] != w.shape[1]:
        raise ValueError(
            f"pictures {x.shape} and kernels {w.shape}: (n, c, height, width) and (out, c, height, width) are needed"
        )
    if 0 in x.shape or 0 in w.shape:
        raise ValueError(f"pictures {x.shape} and kernels {w.shape}: nothing to convolve")
    if mode == "valid" and (w.shape[2] > x.shape[2] or w.shape[3] > x.shape[3]):
        kernel, picture = (" x ".join(map(str, array.shape[2:])) for array in (w, x))
        raise ValueError(f"a kernel of {kernel} does not fit into a picture of {picture}")
