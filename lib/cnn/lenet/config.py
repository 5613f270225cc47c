"""The settings of the lab `lenet`, and the arms that it compares."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lib.harness.contract.config import Config
from lib.models import lenet

VARIANTS: tuple[lenet.Variant, ...] = ("modern", "original")
FRAMEWORKS: tuple[Literal["torch", "keras"], ...] = ("torch", "keras")
ALL_PICTURES = 55_000
"""Of Fashion-MNIST, to train on."""


class LenetConfig(Config):
    """Settings of the lab. `variant` and `learning_rate` tell trials apart; the study sets them."""

    batch: int = Field(64, ge=1, le=1024, description="trials asked for at a time: all, so that no core waits")
    variant: lenet.Variant = Field("modern", description="a trial has one; the study takes both")
    learning_rate: float = Field(4e-3, gt=0, le=1e9, description="the middle of the grid; the study sets it")
    learning_rates: tuple[float, ...] = Field(
        (2e-3, 4e-3, 8e-3), min_length=1, description="above Adam's usual 1e-3, which is low for a rate that falls"
    )
    batch_size: int = Field(128, ge=1, le=10_000, description="small enough for 430 steps an epoch")
    shift: int = Field(
        1, ge=0, le=4, description="pixels that clothes move at most, modern: validation loss 0.235, 0.276 without"
    )
    mirror: bool = Field(
        False, description="clothes mirrored half of the time: validation loss 0.241 with both, 0.256 with it alone"
    )
    epochs: int = Field(15, ge=1, le=200, description="where the validation loss has stopped falling")
    digits_epochs: int = Field(30, ge=1, le=500, description="840 steps, as few pictures make short epochs")
    grid_epochs: int = Field(4, ge=1, le=200, description="enough to tell the rates apart, a quarter of the time")
    recipe_epochs: int = Field(10, ge=1, le=200, description="the textbook's number")
    pictures: int = Field(
        ALL_PICTURES, ge=200, le=ALL_PICTURES, description="of Fashion-MNIST to train on: all but 5,000"
    )
    digits: int = Field(3_500, ge=200, le=3_500, description="of MNIST to train on: all that are not for judging")
    judged: int = Field(10_000, ge=100, le=10_000, description="pictures of a split that judge at most: all there are")
