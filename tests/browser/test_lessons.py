"""Lessons in a real browser, as a learner has them: opened as a copy, answered wrong and right, moved, and measured."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from host.services.up_down import FIRST_LESSON
from tests.browser.chromium import Page
from tests.browser.lesson import CELLS, IDLE, Lesson, show_all_cells
from tests.browser.test_pages import open_lab, own_errors
from tests.host.images.support import ROOT, Stack

Picture = Callable[[str], Path]

SHORT = "04-dropout"
PANEL = "document.querySelector('.jp-NotebookPanel:not(.lm-mod-hidden)')"
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


@pytest.fixture(autouse=True)
def _nothing_of_an_earlier_learner(stack: Stack) -> Iterator[None]:
    """Each test has new copies; its kernels, which take memory, end with it."""
    yield
    token = {"Authorization": f"token {stack.environment['JUPYTER_TOKEN']}"}
    for session in requests.get(f"{stack.jupyter}/api/sessions", headers=token, timeout=60).json():
        requests.delete(f"{stack.jupyter}/api/sessions/{session['id']}", headers=token, timeout=60)
    for language in ("ko", "en"):
        shutil.rmtree(stack.folder / "labs" / "mine" / language, ignore_errors=True)


def lesson_file(stack: Stack, stem: str, language: str) -> Path:
    return stack.folder / "labs" / language / f"{stem}.ipynb"


def open_lesson(page: Page, stack: Stack, stem: str, language: str = "ko") -> Lesson:
    show_all_cells(stack)
    open_lab(page, stack, f"/lab/tree/mine/{language}/{stem}.ipynb")
    return Lesson(page, lesson_file(stack, stem, language))


def wrong(code: str, name: str) -> str:
    """A wrong answer of the kind of the right one: a function, a class or a value."""
    if re.search(rf"^def {name}\b", code, re.MULTILINE):
        return f"def {name}(*_, **__):\n    return 12345.0"
    return f"class {name}:\n    pass" if re.search(rf"^class {name}\b", code, re.MULTILINE) else f"{name} = 12345.0"


def solutions(lesson: Lesson) -> dict[str, str]:
    """The folded solutions, by the exercise's name."""
    folded = {
        cell["metadata"]["solution"]: "".join(cell["source"]) for cell in lesson.cells if "solution" in cell["metadata"]
    }
    return {name: BLOCK.findall(source)[0].rstrip("\n") for name, source in folded.items()}


def test_the_address_that_up_prints_opens_the_first_lesson_and_its_links_the_others(
    stack: Stack, page: Page, picture: Picture
) -> None:
    show_all_cells(stack)
    open_lab(page, stack, f"/lab/tree/{FIRST_LESSON.format('ko')}")
    lesson = Lesson(page, lesson_file(stack, "00-start-here", "ko"))
    own = stack.folder / "labs" / "mine" / "ko"
    assert (own / "00-start-here.ipynb").read_bytes() == lesson_file(stack, "00-start-here", "ko").read_bytes()
    for number in lesson.code():
        lesson.run(number)
        if "progress()" in lesson.source(number):
            break
    page.screenshot(picture("lesson-start-here-ko"))
    assert not (own / f"{SHORT}.ipynb").exists()
    page.click(f".jp-OutputArea a[href*='{SHORT}.ipynb'], .jp-MarkdownOutput a[href*='{SHORT}.ipynb']")
    page.wait_for(f"{PANEL}?.querySelector('h1')?.innerText.startsWith('드롭아웃')")
    assert (own / f"{SHORT}.ipynb").read_bytes() == lesson_file(stack, SHORT, "ko").read_bytes()
    assert own_errors(page) == []
    assert page.hosts == {stack.jupyter.removeprefix("http://")}


def test_a_lesson_that_is_opened_in_the_file_browser_is_the_learners_copy(stack: Stack, page: Page) -> None:
    open_lab(page, stack)
    page.wait_for("document.querySelector('.jp-LauncherCard')")
    page.double_click(".jp-DirListing-item", "en")
    page.double_click(".jp-DirListing-item", f"{SHORT}.ipynb")
    page.wait_for(f"{CELLS}.length > 20")
    title = "document.querySelector('.lm-DockPanel-tabBar .lm-mod-current').title"
    page.wait_for(f"{title}.includes('mine/en/{SHORT}.ipynb')")
    assert "is read-only" not in page.evaluate("document.body.innerText")
    page.wait_for(IDLE)
    page.press("s", "Control")
    copy = stack.folder / "labs" / "mine" / "en" / f"{SHORT}.ipynb"
    page.wait_for("document.body.innerText.includes('Saving completed')")
    assert json.loads(copy.read_text(encoding="utf-8"))["cells"]
    assert own_errors(page) == []


def test_the_page_of_a_lesson_itself_leads_to_the_copy(stack: Stack, page: Page) -> None:
    open_lab(page, stack, f"/lab/tree/ko/{SHORT}.ipynb")
    page.wait_for(f"{CELLS}.length > 20")
    title = "document.querySelector('.lm-DockPanel-tabBar .lm-mod-current').title"
    page.wait_for(f"{title}.includes('mine/ko/{SHORT}.ipynb')")


def test_the_code_of_the_labs_opens_read_only(stack: Stack, page: Page) -> None:
    open_lab(page, stack, "/lab/tree/lib/mlp/dropout/lab.py")
    page.wait_for("document.querySelector('.jp-FileEditor')?.innerText.includes('from __future__')")
    page.wait_for("document.body.innerText.includes('file is read-only')")
    assert own_errors(page) == []


def answer_until(lesson: Lesson, last: str, after: int = -1) -> None:
    """Predict and run the cells up to one that begins so; the first exercise of a lesson is first answered wrong."""
    answers, tried = solutions(lesson), after >= 0
    end = lesson.find(last)
    for number in (number for number in lesson.code() if number > after):
        name = lesson.cells[number]["metadata"].get("exercise")
        if name:
            check = lesson.find("check(", number)
            if not tried:
                lesson.write(number, wrong(answers[name], name))
                lesson.run(number)
                lesson.run(check)
                assert "✘" in lesson.output(check), lesson.output(check)
                tried = True
            lesson.write(number, answers[name])
        lesson.run(number, 900)  # a lab takes minutes on a busy machine
        if lesson.has(number, "check("):
            assert "✔" in lesson.output(number) and "✘" not in lesson.output(number), lesson.output(number)
        if lesson.has(number, "vote("):
            lesson.click(number, ".jupyter-widgets button")
            lesson.page.wait_for(f"/적어 두었|is kept/.test({lesson.within(number, '[role=status]')}.innerText)")
        if number == end:
            break
    assert tried


KEYS = {"INPUTcheckbox": " ", "INPUTnumber": "ArrowUp", "BUTTONbutton": " ", "BUTTONsubmit": " "}
"""Keys that move a control; a slider is moved with ArrowRight."""
WRITTEN = {"15-elmo": "they saw her .", "17-bert": "가 _ 나"}
"""Where a picture is of a text: one that it can draw; any word elsewhere."""


def move(lesson: Lesson, number: int, written: str) -> None:
    """Move the first control of a picture with the keyboard; the picture follows. `written`: into a field for text."""
    image = lesson.within(number, "img.widget-image")
    lesson.page.wait_for(f"{image}?.naturalWidth > 100")
    before = lesson.page.evaluate(f"{image}.src")
    control = lesson.within(number, ".noUi-handle, .widget-toggle-button:not(.mod-active), input")
    kind = lesson.page.evaluate(f"{control}.focus() ?? {control}.tagName + ({control}.type ?? '')")
    if kind == "INPUTtext":
        lesson.page.press("a", "Control")
        lesson.page.insert(written)
    else:
        lesson.page.press(KEYS.get(kind, "ArrowRight"))
    lesson.page.wait_for(f"{image}.src !== {json.dumps(before)} && {image}.naturalWidth > 100")


def answer_and_move(lesson: Lesson, stem: str, picture: Path) -> None:
    """Answer exercises, one of them wrong and then right, and move the picture."""
    answer_until(lesson, "explore(")
    number = lesson.find("explore(")
    move(lesson, number, WRITTEN.get(stem, "가"))
    lesson.page.evaluate(f"{CELLS}[{number}].scrollIntoView({{block: 'center'}})")
    lesson.page.screenshot(picture)


NOTEBOOKS = {path.stem: path.read_text(encoding="utf-8") for path in sorted((ROOT / "labs" / "ko").glob("*.ipynb"))}
STEMS = [stem for stem, text in NOTEBOOKS.items() if '"exercise"' in text]


@pytest.mark.slow
@pytest.mark.parametrize("stem", STEMS)
def test_a_lesson_answers_and_its_card_leads_to_the_run(stack: Stack, page: Page, picture: Picture, stem: str) -> None:
    """In Korean: an exercise is answered wrong and then right, a picture is moved, a lab runs from a cell."""
    lesson = open_lesson(page, stack, stem)
    answer_and_move(lesson, stem, picture(f"lesson-{stem}-ko"))
    assert page.hosts == {stack.jupyter.removeprefix("http://")}
    if any(lesson.has(number, "card(") for number in lesson.code()):
        answer_until(lesson, "card(", after=lesson.find("explore("))
        card = lesson.find("card(")
        page.evaluate(f"{CELLS}[{card}].scrollIntoView({{block: 'center'}})")
        page.screenshot(picture(f"card-{stem}"))
        assert "나의 예측: 맞다" in lesson.output(card)
        address = page.evaluate(f"{lesson.within(card, 'a[href]')}.href")
        assert address.startswith(f"{stack.mlflow}/#/experiments/")
        assert own_errors(page) == []
        page.open(address)
        page.wait_for("document.body.innerText.includes('Finished')")
        page.screenshot(picture(f"card-{stem}-run"))
    assert own_errors(page) == []


@pytest.mark.parametrize(
    "stem", [stem if stem == SHORT else pytest.param(stem, marks=pytest.mark.slow) for stem in STEMS]
)
def test_a_lesson_answers_in_english(stack: Stack, page: Page, picture: Picture, stem: str) -> None:
    answer_and_move(open_lesson(page, stack, stem, "en"), stem, picture(f"lesson-{stem}-en"))
    assert own_errors(page) == []
    assert page.hosts == {stack.jupyter.removeprefix("http://")}
