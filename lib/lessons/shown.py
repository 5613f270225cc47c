"""The look of what a lesson answers: a line or a page in HTML, and the same as plain text."""

from __future__ import annotations

import html
from dataclasses import dataclass

GREEN, RED, ORANGE, BLUE, GREY = "#009E73", "#D55E00", "#E69F00", "#0072B2", "#999999"
"""Okabe and Ito (2008): colours that colour-blind readers can tell apart."""


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

    display(Shown(plain, page))  # type: ignore[no-untyped-call]


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
