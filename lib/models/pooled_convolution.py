"""Convolution 5 x 5, activation and 2 x 2 pooling as one operation of torch, made for training on a CPU.

The same mathematics as a convolution followed by its activation and its pooling, in fewer operations:

- **A pooling window at a time.** The four outputs of a window see a patch of 6 x 6 inputs. With the kernel at its four
  places in such a patch, as a matrix (4 outputs, 36 channels), and all patches as the columns of another, the
  convolution is one matrix product, which runs near the peak of a core. It multiplies 36 instead of 25 numbers an
  output, but gathers 9 instead of 25 (im2col: Chellapilla et al. 2006, "High performance convolutional neural
  networks").
- **The example is the last axis**, so that every copy and every sum over shifted inputs runs over contiguous numbers.
- **Pooling before ReLU.** Both are monotone, so they commute, and a bias is the same in all of a window:
  max relu(y + b) = relu(max(y) + b), a quarter of the work. A sigmoid and a mean do not commute.

Where outputs of a window are equal the first one takes the gradient, as in torch's own pooling.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import pad

KERNEL, PATCH = 5, 6


def expanded(kernel: torch.Tensor) -> torch.Tensor:
    """A kernel (outputs, channels, 5, 5) at the four places of its 6 x 6 patch: (4 outputs, 36 channels)."""
    places = [pad(kernel, (column, 1 - column, row, 1 - row)) for row in (0, 1) for column in (0, 1)]
    return torch.stack(places).flatten(0, 1).flatten(1)


def collected(patches: torch.Tensor, shape: torch.Size) -> torch.Tensor:
    """The transpose of `expanded`: the sum of the four places, as a kernel of this shape."""
    places = patches.view(2, 2, *shape[:2], PATCH, PATCH)
    parts = [
        places[row, column, :, :, row : row + KERNEL, column : column + KERNEL] for row in (0, 1) for column in (0, 1)
    ]
    return (parts[0] + parts[1]) + (parts[2] + parts[3])


def pooled_convolution(x: torch.Tensor, kernel: torch.Tensor, bias: torch.Tensor, rectified: bool) -> torch.Tensor:
    """``max_pool(relu(conv(x)))`` if `rectified`, else ``avg_pool(sigmoid(conv(x)))``.

    x (channels, height, width, n), kernel (outputs, channels, 5, 5), bias (outputs,); height and width are even.
    Returns (outputs, height / 2 - 2, width / 2 - 2, n).
    """
    out: torch.Tensor = PooledConvolution.apply(x, kernel, bias, rectified)  # type: ignore[no-untyped-call]
    return out


class PooledConvolution(torch.autograd.Function):
    """`pooled_convolution` for autograd."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, kernel: torch.Tensor, bias: torch.Tensor, rectified: bool) -> torch.Tensor:
        """One matrix product for the convolution, then the activation and the pooling of the four slabs of outputs."""
        channels, height, width, n = x.shape
        outputs, rows, columns = len(kernel), height // 2 - 2, width // 2 - 2
        windows = x.unfold(1, PATCH, 2).unfold(2, PATCH, 2)  # (channels, rows, columns, n, 6, 6), a view
        patches = windows.permute(0, 4, 5, 1, 2, 3).reshape(channels * PATCH**2, rows * columns * n)
        matrix = expanded(kernel)
        y = torch.mm(matrix, patches).view(4, outputs, rows * columns * n)
        if rectified:
            upper, lower = torch.maximum(y[0], y[1]), torch.maximum(y[2], y[3])
            out = torch.maximum(upper, lower).add_(bias[:, None]).relu_()
            for first, second in ((y[0], y[1]), (y[2], y[3]), (upper, lower)):
                first.ge_(second)  # now 1 where the first was the larger, else 0
            ctx.save_for_backward(matrix, patches, y, upper, out)
        else:
            y.add_(bias[:, None]).sigmoid_()
            out = y.mean(0)
            ctx.save_for_backward(matrix, patches, y)
        ctx.rectified, ctx.input_shape, ctx.kernel_shape = rectified, x.shape, kernel.shape
        return out.view(outputs, rows, columns, n)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor, torch.Tensor, None]:
        """Gradients of x (where one is needed), kernel and bias."""
        _, rows, columns, _ = grad.shape
        matrix, patches, y, *rest = ctx.saved_tensors
        grad = grad.reshape(y.shape[1:])
        if ctx.rectified:
            upper_wins, out = rest
            grad = torch.ops.aten.threshold_backward(grad, out, 0)
            upper = grad * upper_wins
            by_output = torch.empty_like(y)
            for i, part in ((0, upper), (2, grad - upper)):
                torch.mul(part, y[i], out=by_output[i])
                torch.sub(part, by_output[i], out=by_output[i + 1])
            grad_bias = grad.sum(1)
        else:
            by_output = torch.ops.aten.sigmoid_backward((grad / 4).expand_as(y), y)
            grad_bias = by_output.sum((0, 2))
        by_output = by_output.view(len(matrix), -1)
        grad_kernel = collected(torch.mm(by_output, patches.T), ctx.kernel_shape)
        grad_x = None
        if ctx.needs_input_grad[0]:
            grad_x = _scattered(torch.mm(matrix.T, by_output), ctx.input_shape, rows, columns)
        return grad_x, grad_kernel, grad_bias, None


def _scattered(patches: torch.Tensor, shape: torch.Size, rows: int, columns: int) -> torch.Tensor:
    """The sum of patches (36 channels, rows * columns * n) at their places in an input of this shape.

    A patch is 3 x 3 blocks of 2 x 2 inputs, and patches are 2 apart: nine sums of whole blocks.
    """
    channels, height, width, n = shape
    blocks = patches.view(channels, 3, 2, 3, 2, rows, columns, n)
    whole = patches.new_zeros(channels, height // 2, 2, width // 2, 2, n)
    for i in range(3):
        for j in range(3):
            whole[:, i : i + rows, :, j : j + columns] += blocks[:, i, :, j].permute(0, 3, 1, 4, 2, 5)
    return whole.view(shape)
