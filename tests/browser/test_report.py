"""The report of a real run in a real browser: languages, filter, addresses, widths, print; no request leaves it."""

import base64
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.browser.chromium import Page
from tests.host.clone import instance

pytestmark = pytest.mark.xdist_group("report")  # which is made once
Picture = Callable[[str], Path]

MEASURED, UNMEASURED = "dropout", "mlp"
WIDTHS = (360, 768, 1440)
TITLES = {"en": "the lecture, put to the test", "ko": "강의를 실험으로 확인하다"}
SHOWN = "[...document.querySelectorAll({!r})].filter(e => e.getClientRects().length)"


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the report of one measured lab and one that was not: as a file and as a folder."""
    folder = tmp_path_factory.mktemp("reports")
    labs = ("--only", MEASURED, "--only", UNMEASURED)
    with instance() as own:
        own.must("lab", MEASURED, "--quick")
        own.must("report", *labs, "--out", folder / "report.html")
        own.must("report", *labs, "--folder", folder / "site")
        yield folder


@pytest.fixture(params=["report.html", "site/index.html"], ids=["file", "folder"])
def address(request: pytest.FixtureRequest, reports: Path) -> str:
    """The address of the report in each of its forms."""
    return (reports / str(request.param)).as_uri()


def show(page: Page, address: str, width: int = 1440) -> None:
    """Open an address of the report, whole, in a window of this width."""
    page.command("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 700)
    page.open("about:blank")
    page.open(address)
    page.wait_for("document.readyState === 'complete' && document.querySelector('main section')")


def prefer(page: Page, languages: str) -> None:
    agent = page.evaluate("navigator.userAgent")
    page.command("Emulation.setUserAgentOverride", userAgent=agent, acceptLanguage=languages)


def language(page: Page) -> str:
    """The language that is shown: of the page, its title, its texts and its pictures' alternative texts."""
    code = str(page.evaluate("document.documentElement.lang"))
    other = "en" if code == "ko" else "ko"
    assert TITLES[code] in page.evaluate("document.title")
    assert TITLES[code] in page.evaluate("document.body.innerText")
    assert page.evaluate(f"{SHOWN.format(f'[lang={other}]')}.length") == 0
    return code


@pytest.mark.parametrize("code", ["en", "ko"])
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_the_window(page: Page, picture: Picture, address: str, width: int, code: str) -> None:
    show(page, f"{address}?lang={code}", width)
    assert language(page) == code
    page.screenshot(picture(f"report-{code}-{width}"))
    wide = "[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > "
    assert (
        page.evaluate(f"{wide} innerWidth + 1 && !e.closest('.unseen, .scroll')).map(e => e.outerHTML.slice(0, 99))")
        == []
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    page.screenshot(picture(f"report-{code}-{width}-dark"))
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(23, 25, 28)"
    assert (page.errors, page.hosts) == ([], set())


def test_the_language_is_the_readers_and_is_remembered(page: Page, address: str) -> None:
    show(page, address)
    assert language(page) == "en"
    prefer(page, "ko-KR,ko,en")
    show(page, address)
    assert language(page) == "ko"
    show(page, f"{address}?lang=en#dropout")
    assert language(page) == "en"
    page.click("label", "한국어")
    assert language(page) == "ko"
    assert page.evaluate("location.search + location.hash") == "?lang=ko#dropout"
    page.click("label", "English")
    show(page, address)
    assert language(page) == "en", "the last choice is kept"
    show(page, f"{address}?lang=xx")
    assert language(page) == "en"
    assert (page.errors, page.hosts) == ([], set())


def test_a_verdict_filters_the_sentences_and_an_address_shows_its_own_again(page: Page, address: str) -> None:
    show(page, address)
    rows = "main .row"
    verdicts = "[...document.querySelectorAll('main .row')].map(e => e.classList[1])"
    every = page.evaluate(verdicts)
    hidden = next(verdict for verdict in every if verdict != "not-measured")
    page.click("label", "not measured")
    assert page.evaluate(f"{SHOWN.format(rows)}.map(e => e.classList[1])") == ["not-measured"] * 4
    assert page.evaluate(f"{SHOWN.format('main > .lab')}.map(e => e.id)") == [UNMEASURED]
    links = page.evaluate(f"{SHOWN.format('.contents td a')}.map(e => decodeURIComponent(e.hash.slice(1)))")
    assert links == page.evaluate(f"{SHOWN.format(rows)}.map(e => e.id)")
    target = page.evaluate(f"document.querySelector('main .row.{hidden} tr[id]').id")
    page.evaluate(f"location.hash = {target!r}")
    page.wait_for(f"{SHOWN.format(rows)}.length === {len(every)}")
    page.wait_for("(r => r.top >= 0 && r.top < innerHeight)(document.querySelector(':target').getBoundingClientRect())")
    assert (page.errors, page.hosts) == ([], set())


def test_pictures_are_large_where_they_are_seen(page: Page, reports: Path, address: str) -> None:
    show(page, address)
    first = f"{SHOWN.format('main figure img')}[0]"
    page.evaluate(f"{first}.scrollIntoView()")
    page.wait_for(f"{first}.naturalWidth > 1000")
    width, height = page.evaluate(f"[{first}.width, {first}.height]")
    natural = page.evaluate(f"{first}.naturalWidth / {first}.naturalHeight")
    assert abs(width / height - natural) < 0.02
    files = page.evaluate(f"{SHOWN.format('main figure a')}.map(e => e.getAttribute('href'))")
    for file in files:
        if file.startswith("#"):
            assert page.evaluate(f"document.querySelector({file!r} + ' img').naturalWidth") > 1000
        else:
            assert (reports / "site" / file).read_bytes().startswith(b"\x89PNG")
    assert (page.errors, page.hosts) == ([], set())


def test_code_that_is_not_the_pages_own_is_not_run(page: Page, address: str) -> None:
    show(page, address)
    page.evaluate(
        "(s => { s.textContent = 'window.wasRun = 1'; document.body.append(s); })(document.createElement('script'));"
        "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.wasRun = 2\">');"
        "document.body.insertAdjacentHTML('beforeend', '<p style=\"color: red\" id=planted>')"
    )
    page.wait_for("document.querySelector('#planted')")
    page.wait_for("document.querySelector('img[onerror]').complete")
    assert page.evaluate("typeof window.wasRun") == "undefined"
    assert page.evaluate("getComputedStyle(document.querySelector('#planted')).color") != "rgb(255, 0, 0)"
    assert len(page.errors) >= 2
    assert page.hosts == set()


@pytest.mark.parametrize("code", ["en", "ko"])
def test_a_lab_prints_on_one_page_and_the_report_on_several(page: Page, address: str, code: str) -> None:
    show(page, f"{address}?lang={code}#handout-{MEASURED}")
    assert page.evaluate(f"{SHOWN.format('.chosen')}.length") == 1
    assert pages(page) == 1
    show(page, f"{address}?lang={code}")
    assert pages(page) > 3


def pages(page: Page) -> int:
    """The number of A4 pages that it prints on."""
    pdf = base64.b64decode(page.command("Page.printToPDF", preferCSSPageSize=True)["data"])
    assert b"/MediaBox [0 0 595" in pdf or b"/MediaBox [0 0 594" in pdf
    return len(re.findall(rb"/Type /Page\b", pdf))
