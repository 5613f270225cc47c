"""Draws the figures and animations of a lab, in workers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from lib.harness.contract.config import Config
from lib.harness.contract.drawing import can_draw, style
from lib.harness.contract.lab import Lab
from lib.harness.contract.loading import lab_of
from lib.harness.contract.results import Results
from lib.harness.contract.texts import Language, language
from lib.harness.running.parent import ParentRun
from lib.harness.running.pool import Workers


class Picture(NamedTuple):
    """A figure or an animation in one language."""

    name: str
    language: Language


def pictures(lab: Lab) -> Iterator[Picture]:
    """All pictures of a lab, each in English and then in Korean.

    A lab without texts has no Korean pictures, and an animation without texts of its own needs none.
    """
    for name in (*lab.figures, *lab.animations):
        yield Picture(name, "en")
        if lab.texts and (name in lab.figures or lab.texts.has_own(name)):
            yield Picture(name, "ko")


def draw(module: str, picture: Picture, results: Results, config: Config, folder: Path) -> None:
    """Draw a picture of a lab: in English into `folder`, in Korean into its subfolder ``ko``.

    Where no font has Hangul there is no Korean picture. A PNG carries no date and no version, so that equal results
    give equal files.
    """
    name, code = picture
    if not can_draw(code):
        return
    lab = lab_of(module)
    path = (folder if code == "en" else folder / code) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with language(code), style():
        if name in lab.figures:
            lab.figures[name](results, config).savefig(path.with_suffix(".png"), metadata={"Software": None})
        else:
            from matplotlib.animation import PillowWriter

            lab.animations[name](results, config).save(path.with_suffix(".gif"), writer=PillowWriter(fps=20), dpi=80)


def draw_all(run: ParentRun, workers: Workers) -> list[str]:
    """Draw all pictures of a run's lab. Returns a line for each that could not be drawn."""
    results, folder = Results(run.results), run.journal.files / "figures"
    wanted = {
        f"{picture.name} ({picture.language})": (run.entry.module, picture, results, run.config, folder)
        for picture in pictures(run.lab)
    }
    return draw_in(workers, draw, wanted)


def draw_in(workers: Workers, function: Callable[..., Any], wanted: Mapping[str, tuple[Any, ...]]) -> list[str]:
    """Call a function that draws, in workers.

    Args:
        function: draws one picture.
        wanted: its arguments for each picture, by the name that a warning gives it.

    Returns:
        A line for each picture that could not be drawn.
    """
    drawn = workers.call(function, list(wanted.values()))
    return [
        f"figure {name}: {type(error).__name__}: {error}"
        for name, error in zip(wanted, drawn, strict=True)
        if isinstance(error, Exception)
    ]
