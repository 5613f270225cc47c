"""An HTML page as its tests read it: without a browser, with Python's parser alone."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser


class Page(HTMLParser):
    """A page: texts by language, addresses that it asks for, pictures, ids and links; its tags are balanced.

    Attributes:
        spans: number of elements by their language.
        sources: of the pictures, in their order.
        alts: of the pictures, each with its language.
        frame: texts that are in no element of a language, apart from code.
        texts: texts by language.
        links: addresses of links; those in the page begin with ``#``.
        policy: the sources that it allows, by directive.
    """

    VOID = ("meta", "img", "input", "br")

    def __init__(self, text: str):
        super().__init__()
        self.open: list[tuple[str, str]] = []
        self.spans: dict[str, int] = {}
        self.sources: list[str] = []
        self.alts: list[tuple[str, str]] = []
        self.frame: list[str] = []
        self.texts: dict[str, list[str]] = {"en": [], "ko": []}
        self.text = ""
        self.codes: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.policy: dict[str, list[str]] = {}
        self.inline: dict[str, str] = {}
        self.feed(text)
        assert self.open == []
        assert len(self.ids) == len(set(self.ids))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        language = values.get("lang", "") if tag != "html" else ""
        if tag not in self.VOID:
            self.open.append((tag, language))
        if language:
            self.spans[language] = self.spans.get(language, 0) + 1
        if "id" in values:
            self.ids.append(values["id"])
        if "href" in values:
            self.links.append(values["href"])
        if tag == "img":
            self.sources.append(values["src"])
            self.alts.append((language or self._language(), values["alt"]))
        if values.get("http-equiv") == "Content-Security-Policy":
            directives = [directive.split() for directive in values["content"].split(";")]
            self.policy = {name: sources for name, *sources in directives}
        if tag == "code":
            self.codes.append("")
        assert tag not in ("link", "iframe", "base", "form", "object"), f"<{tag}> in a page that has all it needs"
        assert not [name for name in values if name.startswith("on") or name == "style"], values
        assert tag == "img" or "src" not in values, f"<{tag} src>"

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        tags = [tag for tag, _ in self.open]
        if tags[-1:] in (["script"], ["style"]):
            self.inline[tags[-1]] = self.inline.get(tags[-1], "") + data
            return
        self.text += data
        if "code" in tags:
            self.codes[-1] += data
        elif language := self._language():
            self.texts[language].append(data)
        elif data.strip():
            self.frame.append(data.strip())

    def _language(self) -> str:
        return next((language for _, language in reversed(self.open) if language), "")

    def assert_closed(self) -> None:
        """It runs its own script and style alone, and loads nothing from elsewhere."""
        for tag, text in self.inline.items():
            digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
            assert self.policy[f"{tag}-src"] == [f"'sha256-{digest}'"]
        assert (self.policy["default-src"], self.policy["base-uri"]) == (["'none'"], ["'none'"])
        assert self.policy.keys() == {"default-src", "img-src", "style-src", "script-src", "base-uri", "form-action"}
        assert not [source for source in self.sources if re.match(r"[a-z]+:|/", source) and source[:5] != "data:"]
