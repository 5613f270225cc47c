"""The site in a real browser, from its files: languages, search, widths, weights, no dead link, no other server."""

import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.browser.chromium import Page
from tests.browser.test_report import prefer
from tests.host.clone import instance

pytestmark = pytest.mark.xdist_group("site")  # which is built once
Picture = Callable[[str], Path]

SHOWN = ("index", "lessons/04-dropout", "docs/commands", "docs/labs")
FIRST_VIEW = 500_000
"""Bytes that a page may need before anything is scrolled: itself, its styles and scripts."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of the site."""
    folder = tmp_path_factory.mktemp("site") / "site"
    with instance() as own:
        own.must("site", "--out", folder)
        own.must("site", "--out", folder)  # in the place of the first
    yield folder


class Parsed(HTMLParser):
    """What a page links to, what it needs at once, and the places in it."""

    def __init__(self, file: Path):
        super().__init__()
        self.links: list[str] = []
        self.needed: list[str] = []
        self.places: set[str] = set()
        self.language = ""
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.places |= {given[name] for name in ("id", "name") if name in given}
        self.links += [given[name] for name in ("href", "src") if name in given]
        if (tag == "script" or given.get("rel") == "stylesheet" or tag == "img") and given.get("loading") != "lazy":
            self.needed += [given[name] for name in ("href", "src") if name in given]
        if tag == "html":
            self.language = given["lang"]


def test_no_link_is_dead_and_both_languages_have_the_same_pages(site: Path) -> None:
    parsed = {file: Parsed(file) for file in site.rglob("*.html")}
    dead = []
    for file, page in parsed.items():
        for link in page.links:
            address = urlsplit(link)
            if address.scheme or not (address.path or address.fragment):
                continue
            target = (file.parent / unquote(address.path)).resolve() if address.path else file
            found = target.exists() and (
                target.suffix != ".html" or not address.fragment or unquote(address.fragment) in parsed[target].places
            )
            if not found:
                dead.append(f"{file.relative_to(site)}: {link}")
    assert dead == []
    korean, english = (
        {file.relative_to(site / code) for file in (site / code).rglob("*.html")} for code in ("ko", "en")
    )
    assert korean == english
    assert len([name for name in korean if name.parts[0] == "lessons"]) == 19
    assert {page.language for file, page in parsed.items() if file.is_relative_to(site / "ko")} == {"ko"}


def test_a_page_weighs_little_before_it_is_scrolled(site: Path) -> None:
    for file in site.rglob("*.html"):
        needed = {(file.parent / urlsplit(link).path).resolve() for link in Parsed(file).needed}
        weight = file.stat().st_size + sum(each.stat().st_size for each in needed if each.is_file())
        assert weight < FIRST_VIEW, f"{file.relative_to(site)}: {weight:,} bytes"


def open_page(page: Page, address: str, width: int = 1440) -> None:
    page.command("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 700)
    page.open(address)
    page.wait_for("document.readyState === 'complete' && document.querySelector('article h1, #search-results')")


@pytest.mark.parametrize("code", ["en", "ko"])
@pytest.mark.parametrize("width", [360, 768, 1440])
def test_a_page_is_read_at_any_width_light_or_dark(
    page: Page, picture: Picture, site: Path, width: int, code: str
) -> None:
    for name in SHOWN:
        open_page(page, (site / code / f"{name}.html").as_uri(), width)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        page.screenshot(picture(f"site-{name.replace('/', '-')}-{code}-{width}"))
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    page.screenshot(picture(f"site-{code}-{width}-dark"))
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    assert (page.errors, page.hosts) == ([], set())


@pytest.mark.parametrize(("languages", "code"), [("ko-KR,ko,en", "ko"), ("de,en", "en")])
def test_the_first_page_is_in_the_readers_language_and_leads_to_the_other(
    page: Page, site: Path, languages: str, code: str
) -> None:
    prefer(page, languages)
    open_page(page, (site / "index.html").as_uri())
    assert page.evaluate("location.pathname").endswith(f"/{code}/index.html")
    open_page(page, (site / code / "lessons" / "04-dropout.html").as_uri())
    page.click(".languages a")
    other = "en" if code == "ko" else "ko"
    page.wait_for(f"location.pathname.endsWith('/{other}/lessons/04-dropout.html') && document.querySelector('h1')")
    assert page.evaluate("document.documentElement.lang") == other


@pytest.mark.parametrize(
    ("code", "words", "lesson"),
    [("ko", "학습률", "옵티마이저"), ("ko", "기울기 소실", "기울기 소실"), ("en", "dropout", "Dropout")],
)
def test_the_search_finds_words_in_any_form(page: Page, site: Path, code: str, words: str, lesson: str) -> None:
    open_page(page, f"{(site / code / 'search.html').as_uri()}?q={words}")
    page.wait_for(f"document.querySelector('#search-results').innerText.includes({lesson!r})")
    open_page(page, f"{(site / code / 'search.html').as_uri()}?q=짜장면")
    page.wait_for("/did not match|일치하는/.test(document.querySelector('#search-results').innerText)")
    assert (page.errors, page.hosts) == ([], set())


def test_a_formula_is_drawn_by_the_browser(page: Page, picture: Picture, site: Path) -> None:
    open_page(page, (site / "ko" / "lessons" / "18-optimizers.html").as_uri())
    assert page.evaluate("document.querySelectorAll('math[display=block]').length") > 5
    assert not re.search(r"\\(frac|theta|beta)", str(page.evaluate("document.querySelector('article').innerText")))
    page.evaluate("document.querySelector('math[display=block]').scrollIntoView({block: 'center'})")
    page.screenshot(picture("site-formula"))
