"""The look of what a lesson answers: a line or a page in HTML, and the same as plain text."""

from __future__ import annotations

import html
from dataclasses import dataclass

from lib.harness.contract.drawing import PALETTE

BLUE, GREEN, ORANGE, GREY = (PALETTE[place] for place in (0, 2, 4, 7))


@dataclass(frozen=True)
class Shown:
    """Something to show.

    Attributes:
        plain: for a page that shows text alone.
        page: HTML; what comes from elsewhere in it is escaped by whoever made it.
    """

    plain: str
    page: str

    def __repr__(self) -> str:
        return self.plain

    def _repr_html_(self) -> str:
        return self.page


def show(plain: str, page: str) -> None:
    """Show it in the cell; outside a notebook, print its text."""
    from IPython.display import display

    display(Shown(plain, page))


def escaped(text: str) -> str:
    """HTML that shows this text; what stands between backticks is code."""
    parts = html.escape(text).split("`")
    if len(parts) % 2 == 0:  # a backtick without its partner is itself
        return "`".join(parts)
    return "".join(f"<code>{part}</code>" if place % 2 else part for place, part in enumerate(parts))


def boxed(content: str, colour: str, role: str = "") -> str:
    """HTML in a box with a bar of this colour at its left."""
    spoken = f' role="{role}" aria-live="polite"' if role else ""
    return f'<div{spoken} style="border-left:4px solid {colour};padding:.3em .8em;margin:.3em 0">{content}</div>'
