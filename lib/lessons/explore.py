"""Pictures that one moves: controls beside a picture that is drawn again at each change.

::

    def draw_rate(figure, text, *, p, units):
        axis = figure.subplots()
        ...
        axis.set_title(text("title", p=p))

    CONTROLS = {"p": Slider(0, 0.9, 0.1, start=0.5), "units": Slider(1, 64, 1, whole=True)}
    EXPLORABLES = {"rate": Explorable(draw_rate, CONTROLS)}

The texts are ``[explore.rate]`` of the unit: ``caption``, ``label_p``, ``label_units`` and whatever `draw_rate` asks
for. A drawing takes at most 100 ms: what is slow is prepared once, by a function with `functools.cache`. Values that it
cannot draw it refuses by ``raise ValueError(text("…"))``, which is shown below the picture before.
"""

from __future__ import annotations

import html
import io
import traceback
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from lib.harness.contract.drawing import style
from lib.lessons.texts import FRAME, LessonError

DPI = 80
"""Of a moving picture: enough for a screen, and drawn in time."""


class Control(Protocol):
    """A value that the learner moves."""

    @property
    def first(self) -> Any:
        """The value before anything is moved."""

    def widget(self, label: str, option: Callable[[str], str]) -> Any:
        """The control itself. `option`: from an option to the text that stands for it."""


@dataclass(frozen=True)
class Slider:
    """A number from `low` to `high`; a whole one if `whole`. Without `start` it starts at the low end."""

    low: float
    high: float
    step: float = 1
    _: KW_ONLY
    start: float | None = None
    whole: bool = False

    @property
    def first(self) -> float | int:
        """The value before anything is moved."""
        start = self.low if self.start is None else self.start
        return round(start) if self.whole else float(start)

    def widget(self, label: str, option: Callable[[str], str]) -> Any:
        """The control itself: a slider, which the arrow keys move."""
        import ipywidgets

        look = {"description": label, "style": {"description_width": "initial"}, "layout": {"width": "32em"}}
        if self.whole:
            low, high, step = round(self.low), round(self.high), max(round(self.step), 1)
            return ipywidgets.IntSlider(self.first, low, high, step, **look)
        form = f".{max(0, -int(np.floor(np.log10(self.step) + 1e-9)))}f" if self.step < 1 else ".6g"
        return ipywidgets.FloatSlider(
            self.first, min=self.low, max=self.high, step=self.step, readout_format=form, **look
        )


@dataclass(frozen=True)
class Choice:
    """One of a few words. ``option_WORD`` is the text that stands for it, where the unit has one."""

    options: Sequence[str]
    start: str | None = None

    @property
    def first(self) -> str:
        """The value before anything is moved."""
        return self.options[0] if self.start is None else self.start

    def widget(self, label: str, option: Callable[[str], str]) -> Any:
        """The control itself: a row of buttons, as the keyboard does not reach a list's entries in a notebook."""
        import ipywidgets

        pairs = [(option(each), each) for each in self.options]
        look = {"description": label, "style": {"description_width": "initial", "button_width": "auto"}}
        return ipywidgets.ToggleButtons(options=pairs, value=self.first, **look)


@dataclass(frozen=True)
class Words:
    """A text that the learner writes."""

    start: str = ""

    @property
    def first(self) -> str:
        """The value before anything is moved."""
        return self.start

    def widget(self, label: str, option: Callable[[str], str]) -> Any:
        """The control itself: a line to write in."""
        import ipywidgets

        look = {"description": label, "style": {"description_width": "initial"}, "layout": {"width": "32em"}}
        return ipywidgets.Text(self.start, **look)


@dataclass(frozen=True)
class Toggle:
    """Yes or no."""

    start: bool = False

    @property
    def first(self) -> bool:
        """The value before anything is moved."""
        return self.start

    def widget(self, label: str, option: Callable[[str], str]) -> Any:
        """The control itself: a box to tick."""
        import ipywidgets

        return ipywidgets.Checkbox(self.start, description=label, indent=False)


@dataclass(frozen=True)
class Grid:
    """Numbers in rows and columns, each of which can be edited; an array (rows, columns) for the drawing."""

    rows: int
    columns: int
    start: Any = 0.0
    step: float = 0.1

    @property
    def first(self) -> np.ndarray:
        """The value before anything is moved."""
        return np.broadcast_to(np.asarray(self.start, float), (self.rows, self.columns)).copy()

    def widget(self, label: str, option: Callable[[str], str]) -> Any:
        """The control itself: a field a number, in a box that has their array as `value`."""
        import ipywidgets
        import traitlets

        fields = [
            ipywidgets.FloatText(each, step=self.step, layout={"width": "5em"}) for each in self.first.reshape(-1)
        ]
        for place, each in enumerate(fields):
            each.tooltip = f"{label} ({place // self.columns + 1}, {place % self.columns + 1})"
        cells = ipywidgets.GridBox(fields, layout={"grid_template_columns": f"repeat({self.columns}, 5.4em)"})
        box = ipywidgets.VBox([ipywidgets.Label(label), cells])
        box.add_traits(value=traitlets.Any())
        shape = (self.rows, self.columns)

        def gather(change: Any = None) -> None:
            box.value = np.array([each.value for each in fields], float).reshape(shape)

        def spread(change: Any) -> None:
            for each, number in zip(fields, np.asarray(change["new"], float).reshape(-1), strict=True):
                each.value = float(number)

        gather()
        box.observe(spread, "value")
        for each in fields:
            each.observe(gather, "value")
        return box


@dataclass(frozen=True)
class Explorable:
    """A picture and its controls.

    Attributes:
        draw: draws into an empty `matplotlib.figure.Figure`: ``draw(figure, text, **values)``, a value a control.
            ``text("key", **fields)`` is a text of the picture in the notebook's language.
        controls: by name.
        size: of the picture in inches.
    """

    draw: Callable[..., None]
    controls: Mapping[str, Control]
    size: tuple[float, float] = (6, 3)
    _: KW_ONLY
    dpi: int = field(default=DPI)

    def values(self, **values: Any) -> dict[str, Any]:
        """The value of each control: the given one, or the first one. Raises `LessonError` for an unknown name."""
        unknown = values.keys() - self.controls.keys()
        if unknown:
            raise LessonError(f"explore: no control '{min(unknown)}'; there are: {', '.join(self.controls)}")
        return {name: control.first for name, control in self.controls.items()} | values

    def render(self, text: Callable[..., str], **values: Any) -> bytes:
        """The picture as PNG; a control without a value has its first one."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from PIL import Image

        with style():
            figure = Figure(figsize=self.size, dpi=self.dpi, layout="constrained")
            canvas = FigureCanvasAgg(figure)
            self.draw(figure, text, **self.values(**values))
            canvas.draw()  # `savefig` would draw twice: the first time only for the layout
        png = io.BytesIO()
        Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3]).save(png, "png", compress_level=1)
        return png.getvalue()


def show(explorable: Explorable, text: Callable[..., str], trouble: Callable[[BaseException], str]) -> None:
    """Show the controls and the picture, which follows them. A page without a kernel has the picture as it is.

    Args:
        explorable: the picture.
        text: its texts: ``caption``, ``label_NAME``, ``option_WORD`` and the drawing's own.
        trouble: from an exception of the drawing to the line that is shown in the picture's place.
    """
    from IPython.display import display

    still = explorable.render(text)
    data = {"image/png": b64encode(still).decode("ascii"), "text/plain": text("caption")}
    box = _box(explorable, text, trouble, still)
    display(box._repr_mimebundle_() | data, raw=True)


def is_of_unit(error: BaseException) -> bool:
    """Return whether a unit itself has raised an error, to say in a text of its own what cannot be drawn."""
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and Path(frames[-1].filename).is_relative_to(FRAME / "units")


def _box(
    explorable: Explorable, text: Callable[..., str], trouble: Callable[[BaseException], str], still: bytes
) -> Any:
    """The caption, the controls and the picture."""
    import ipywidgets

    def option(word: str) -> str:
        try:
            return text(f"option_{word}")
        except LessonError:
            return word

    caption = ipywidgets.HTML(f"<p>{html.escape(text('caption'))}</p>")
    controls = {name: each.widget(text(f"label_{name}"), option) for name, each in explorable.controls.items()}
    width = f"{explorable.size[0] * explorable.dpi:.0f}px"
    picture = ipywidgets.Image(value=still, format="png", layout={"width": width, "max_width": "100%"})
    line = ipywidgets.HTML("")

    def redraw(change: Any = None) -> None:
        try:
            picture.value = explorable.render(text, **{name: each.value for name, each in controls.items()})
            line.value = ""
        except Exception as error:  # of values that the picture does not know: the one before stays
            line.value = f'<p role="alert">{html.escape(trouble(error))}</p>'

    for each in controls.values():
        each.observe(redraw, "value")
    return ipywidgets.VBox([caption, *controls.values(), picture, line])
