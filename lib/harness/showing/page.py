"""The report as HTML: one file that needs nothing else, or a folder with the page and its pictures.

One file has small pictures where they belong and the large ones at its end, so that a browser shows the page before it
has read them all. The page is ``report.html.j2``; Jinja2 escapes all that it shows. Its policy lets a browser run this
page's own script and load its own pictures, and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import PIL.Image
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from lib.harness.contract.texts import LANGUAGES, Language
from lib.harness.errors import warn_once
from lib.harness.showing.contents import Image, Picture, Section
from lib.harness.showing.in_cell import KOREAN_VERDICTS

PICTURES = "pictures"
"""The folder of the pictures beside the page."""
ACROSS, QUALITY = 288, 30
"""Pixels and WebP's quality of a small picture: recognized on a phone, and two to three kB."""


@dataclass(frozen=True)
class View:
    """A picture as the page shows it in one language.

    Attributes:
        name: of its file.
        address: of its file, from the page.
        width, height: in pixels.
        small: the data address of a small version; empty where there is none.
        alt: what a reader is told who does not see it.
        title: the words of a link to it.
    """

    language: Language
    name: str
    address: str
    width: int
    height: int
    small: str
    alt: str
    title: str


def one_file(sections: Sequence[Section]) -> str:
    """The whole page, pictures included."""
    return _page(sections, _views(sections, _data_address, _small), "data:", in_one_file=True)


def write_folder(sections: Sequence[Section], stream: IO[bytes]) -> None:
    """Write a tar of ``index.html`` and its pictures."""
    views = _views(sections, lambda image: f"{PICTURES}/{image.name}", lambda _: "")
    shown = {view.name for of_picture in views.values() for view in of_picture}
    text = _page(sections, views, "'self' file:", in_one_file=False)
    images = {image.name: image for picture in _pictures(sections) for image in (picture.en, picture.ko)}
    files = {f"{PICTURES}/{name}": images[name].content for name in sorted(shown)}
    with tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        for name, content in {"index.html": text.encode(), **files}.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o644
            tar.addfile(member, io.BytesIO(content))


def _pictures(sections: Sequence[Section]) -> list[Picture]:
    return [picture for section in sections for picture in section.pictures]


def _views(
    sections: Sequence[Section], address: Callable[[Image], str], small: Callable[[PIL.Image.Image], str]
) -> dict[str, list[View]]:
    """The views of each picture by its id, one a language; without those of files that are no picture.

    Args:
        address: of a file, from the page.
        small: the data address of a small version.
    """
    views: dict[str, list[View]] = {}
    for picture in _pictures(sections):
        of_picture = [_view(picture, language, address, small) for language in LANGUAGES]
        if all(of_picture):
            views[picture.id] = [view for view in of_picture if view]
    return views


def _view(
    picture: Picture, language: Language, address: Callable[[Image], str], small: Callable[[PIL.Image.Image], str]
) -> View | None:
    """A picture in a language; None, with a warning, where its file is none: a record may be somebody else's."""
    image, alt = (picture.ko, picture.alt.ko) if language == "ko" else (picture.en, picture.alt.en)
    title = alt if picture.caption is None else getattr(picture.caption, language)
    try:
        with PIL.Image.open(io.BytesIO(image.content), formats=("PNG", "GIF")) as opened:
            return View(language, image.name, address(image), *opened.size, small(opened), alt, title)
    except (OSError, ValueError, SyntaxError, PIL.Image.DecompressionBombError) as error:
        warn_once(f"{image.name} is no picture ({type(error).__name__}): the report is without it")
        return None


def _small(image: PIL.Image.Image) -> str:
    """The data address of a small version; of an animation, of its first picture."""
    opaque = image.convert("RGBA")
    small = PIL.Image.new("RGB", image.size, "white")
    small.paste(opaque, mask=opaque)
    small.thumbnail((ACROSS, ACROSS * 4))
    stream = io.BytesIO()
    small.save(stream, "WEBP", quality=QUALITY, method=6)
    return _address("webp", stream.getvalue())


def _data_address(image: Image) -> str:
    return _address(image.name.rpartition(".")[2], image.content)


def _address(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"


def _page(sections: Sequence[Section], views: Mapping[str, list[View]], images: str, in_one_file: bool) -> str:
    """The text of the page.

    Args:
        views: of the pictures that it shows, by id.
        images: where the policy lets pictures come from.
    """
    folder = Path(__file__).parent
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    style, script = ((folder / f"report.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    policy = f"default-src 'none'; img-src {images}; style-src {_hash(style)}; script-src {_hash(script)}"
    return environment.get_template("report.html.j2").render(
        sections=sections,
        views=views,
        in_one_file=in_one_file,
        counts=Counter(row.verdict for section in sections for row in section.rows),
        verdicts=KOREAN_VERDICTS,
        style=Markup(style),
        script=Markup(script),
        policy=f"{policy}; base-uri 'none'; form-action 'none'",
    )


def _hash(text: str) -> str:
    """The source of a style or a script for a content security policy."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"
