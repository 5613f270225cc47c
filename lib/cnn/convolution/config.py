"""The settings of the convolution lab."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lib.harness.contract.config import Config

Arm = Literal["cnn", "mlp", "cnn-shuffled", "mlp-shuffled"]


class ConvolutionConfig(Config):
    """Settings of the whole lab. `arm`, `hidden` and `learning_rate` tell trials apart."""

    batch: int = Field(64, ge=1, le=1024, description="trials asked for at a time: all, so that no core waits")
    arm: Arm = Field("cnn", description="which network on which pictures; set by the study")
    hidden: tuple[int, ...] = Field((), description="hidden widths of an MLP; set by the study")
    learning_rate: float = Field(1e-3, gt=0, le=1, description="Adam's; the grid chooses, the study sets it")

    draws: int = Field(20, ge=1, le=1000, description="random kernels for the algebra; the worst one counts")
    crop: int = Field(
        96, ge=32, le=400, description="side of the photograph's piece for the algebra: small, and still a picture"
    )
    noise: int = Field(64, ge=1, le=1000, description="pictures for the union of gradients: enough to hit every pixel")
    garments: int = Field(1_000, ge=100, le=5_000, description="validation pictures for Sobel, 100 of each kind")

    rates: tuple[float, ...] = Field(
        (3e-4, 1e-3, 3e-3, 1e-2), min_length=1, description="grid for Adam, half a decade apart around its usual 1e-3"
    )
    epochs: int = Field(
        8, ge=1, le=100, description="with more, the validation loss of the higher rates begins to rise again"
    )
    pictures: int = Field(
        10_000, ge=100, le=55_000, description="to train on, the fixed first ones; with few, what is built in shows"
    )
    minibatch: int = Field(64, ge=1, le=10_000, description="small enough for 150 steps an epoch")
    judged: int = Field(
        10_000, ge=100, le=10_000, description="test pictures: all; of validation pictures 5,000 at most"
    )
    shift: int = Field(
        4,
        ge=1,
        le=8,
        description="pixels by which test pictures are moved at most: clothes fill 28 and leave no more room",
    )
