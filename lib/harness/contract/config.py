"""The settings of a lab: a frozen pydantic model whose fields have ranges and reasons."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Config(BaseModel):
    """The settings of a study and of its trials. A lab's own config derives from it.

    Every field has a description that gives the reason for its default, and a range. Names of no field are refused.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)

    framework: Literal["torch", "keras"] = Field("torch", description="what most readers of the lecture use today")
    seeds: int = Field(5, ge=1, le=1000, description="5 pairs are the fewest whose 95 % interval says something")
    batch: int = Field(
        16, ge=1, le=1024, description="trials asked for at a time; fixed, so that no study depends on its workers"
    )
