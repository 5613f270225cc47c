"""The pages of the site as Sphinx reads them: one folder for each language, in which a page has the same name.

A page without a Korean twin is in the Korean folder too, in English, and says so. Links between the files of the clone
become links between pages; a link to code becomes its path, as the pages may be read where there is no clone.
"""

import json
import re
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath
from typing import Any

LANGUAGES = ("en", "ko")
TOP = ("CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")
"""Pages that are not in docs/."""
FILES = ("LICENSE", "NOTICE", "CITATION.cff", "docs/kuberay.yaml", "docs/images", "docs/results")
"""What pages link to, or show."""
FOR_EVERYBODY = ("glossary.md",)  # in both languages at once
NOT_IN_KOREAN = "```{note}\n이 글은 아직 한국어로 옮기지 못해 영어로 싣습니다.\n```\n"
LINK_OR_CODE = re.compile(
    r"^(?P<fence>`{3,}).*?^(?P=fence)`*$|`[^`\n]+`"
    r"|(?P<picture>!?)\[(?P<words>[^\[\]]*(?:\[[^\[\]]*\][^\[\]]*)*)\]\((?P<target>[^)\s]+)\)",
    re.DOTALL | re.MULTILINE,
)
SWITCH = re.compile(r" *\[(?:English|한국어)\]\([\w.-]+\.md\)")
WIDGET = "application/vnd.jupyter.widget-view+json"
MOVES = {
    "en": "In the notebook you move this picture; here it stands still.",
    "ko": "노트북에서는 이 그림을 움직여 볼 수 있습니다.",
}


def write(clone: Path, lessons: Callable[[str, str], dict[str, Any]], folder: Path) -> None:
    """Write both languages' pages of a clone below `folder`.

    Args:
        lessons: from a language and a notebook's name without its ending to the notebook.
    """
    for language in LANGUAGES:
        pages = folder / language
        (pages / "docs").mkdir(parents=True)
        _copy(clone, pages)
        sources = [*TOP, *sorted(f"docs/{file.name}" for file in (clone / "docs").glob("*.md"))]
        for name in (name for name in sources if not name.endswith(".ko.md")):
            (pages / name).write_text(_page(clone, name, language), encoding="utf-8")
        (pages / "index.md").write_text(_index(clone, language), encoding="utf-8")
        (pages / "lessons").mkdir()
        for file in sorted((clone / "labs" / language).glob("*.ipynb")):
            notebook = shown(lessons(language, file.stem), language)
            (pages / "lessons" / file.name).write_text(json.dumps(notebook, ensure_ascii=False), encoding="utf-8")


def _index(clone: Path, language: str) -> str:
    """The first page, whose list of verdicts is there when one was published."""
    text = (clone / "docs" / "site" / f"index{'.ko' if language == 'ko' else ''}.md").read_text(encoding="utf-8")
    text = text.replace("../images/", "docs/images/")
    return text if (clone / "docs" / "verdicts.md").is_file() else text.replace("\ndocs/verdicts\n", "\n")


def _copy(clone: Path, pages: Path) -> None:
    for name in FILES:
        if (clone / name).is_dir():
            shutil.copytree(clone / name, pages / name)
        else:
            shutil.copy(clone / name, pages / name)


def _page(clone: Path, name: str, language: str) -> str:
    """The Markdown of a page, in Korean where that is asked for and there is one, with its links as on the site."""
    korean = f"{name.removesuffix('.md')}.ko.md"
    translated = language == "ko" and (clone / korean).is_file()
    text = SWITCH.sub("", (clone / (korean if translated else name)).read_text(encoding="utf-8"))
    if language == "ko" and not translated and PurePosixPath(name).name not in FOR_EVERYBODY:
        title, _, rest = text.partition("\n")
        text = f"{title}\n\n{NOT_IN_KOREAN}{rest}"

    def replaced(match: re.Match[str]) -> str:
        words, target = match["words"], match["target"] or ""
        if not target or match["picture"] or target.startswith(("http:", "https:", "#")):
            return match[0]
        path, hash_, anchor = target.partition("#")
        file = (clone / name).parent.joinpath(path).resolve().relative_to(clone.resolve()).as_posix()
        if lesson := re.fullmatch(r"labs/(?:en|ko)/([\w-]+\.ipynb)", file):
            file = f"lessons/{lesson[1]}"
        elif file in {"README.md", "README.ko.md"}:
            file = "index.md"
        elif file.endswith(".md"):
            plain = file.removesuffix(".ko.md").removesuffix(".md")
            twin = language == "ko" and file == f"{plain}.md" and (clone / f"{plain}.ko.md").is_file()
            if twin and (translated or anchor):  # the English page is meant, or a part of it
                return f'<a href="{_up(name)}../en/{plain}.html{hash_}{anchor}">{words}</a>'
            file = f"{plain}.md"
        elif not file.startswith(FILES):
            return f"{words} (`{file}`)" if words.strip("`") != file else words
        return f"[{words}]({_up(name)}{file}{hash_}{anchor})"

    return LINK_OR_CODE.sub(replaced, text)


def _up(name: str) -> str:
    """The way from a page to the folder of all pages."""
    return "../" * name.count("/")


def shown(notebook: dict[str, Any], language: str) -> dict[str, Any]:
    """A notebook for reading: where a control was, its picture stands, with a word that it moves elsewhere."""
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = [*_still(cell.get("outputs", []), language)]
    notebook["metadata"].pop("widgets", None)
    return notebook


def _still(outputs: Iterable[dict[str, Any]], language: str) -> Iterable[dict[str, Any]]:
    for output in outputs:
        data = output.get("data", {})
        if WIDGET not in data:
            yield output
        elif picture := data.get("image/png"):
            yield {**output, "data": {"image/png": picture}}
            yield {"output_type": "display_data", "metadata": {}, "data": {"text/html": f"<p>{MOVES[language]}</p>"}}
