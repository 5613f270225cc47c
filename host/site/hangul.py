"""Korean pages: their search, and the words of the theme, which has no Korean.

Words carry particles ("학습률은"), so each word is found by any two letters of it in a row.
"""

import re
from typing import Any

from sphinx.application import Sphinx
from sphinx.locale import _ as sphinx
from sphinx.search import SearchLanguage

WORD = re.compile(r"[가-힣]+|[^\W가-힣]+")


class Korean(SearchLanguage):  # type: ignore[misc]  # where types are checked there is no Sphinx
    """Splits Hangul into pairs of letters, in the index and in what is searched for."""

    lang = "ko"
    language_name = "Korean"
    js_splitter_code = r"""
var splitQuery = (query) =>
  (query.match(/[가-힣]+|(?:(?![가-힣])[\p{Letter}\p{Number}_])+/gu) || []).flatMap((word) =>
    /^[가-힣]{2,}$/.test(word) ? [...word].slice(1).map((letter, before) => word[before] + letter) : [word]);
"""

    def split(self, input: str) -> list[str]:
        """The pairs of letters of each word in Hangul, and the other words as they are."""
        return [part for word in WORD.findall(input) for part in _parts(word)]


def _parts(word: str) -> list[str]:
    if "가" <= word[0] <= "힣" and len(word) > 1:
        return [word[at : at + 2] for at in range(len(word) - 1)]
    return [word]


WORDS = {
    "Next": "다음",
    "Previous": "이전",
    "Home": "처음",
    "On this page": "이 글의 차례",
    "Back to top": "맨 위로",
    "Made with ": "만든 도구: ",
}


def setup(app: Sphinx) -> dict[str, bool]:
    """Use both for pages in Korean."""
    app.add_search_language(Korean)
    app.connect("html-page-context", _translate)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _translate(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    if app.config.language == "ko":
        context["_"] = context["gettext"] = lambda text: WORDS.get(text) or str(sphinx(text))
