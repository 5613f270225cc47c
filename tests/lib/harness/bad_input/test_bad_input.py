"""Bad input of every kind in the container: one line with the field and the remedy, exit code 2, nothing left."""

from __future__ import annotations

import pytest

from tests.lib.harness.bad_input.cases import CASES, Case
from tests.lib.harness.bad_input.forked import Commands, require_one_line


def name_of(case: Case) -> str:
    arguments = case.arguments if isinstance(case.arguments, str) else " ".join(case.arguments)
    given = [*(f"{key}={value[:30]}" for key, value in case.env.items()), arguments[:50], *case.files]
    return ascii(" ".join(given))


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_one_line_and_nothing_left(case: Case, forked: Commands) -> None:
    arguments = case.arguments.split() if isinstance(case.arguments, str) else list(case.arguments)
    arguments, env = [_filled(word, forked) for word in arguments], {k: _filled(v, forked) for k, v in case.env.items()}
    made = [forked.root / name for name in case.files]
    for path, content in zip(made, case.files.values(), strict=True):
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif content.startswith("-> "):
            path.symlink_to(content.removeprefix("-> "))
        else:
            path.write_text(content, encoding="utf-8")
    try:
        ended = forked.run_untouched(*arguments, **env)
    finally:
        for path in made:
            path.unlink()
    require_one_line(ended, *(_filled(part, forked) for part in case.parts))


def _filled(text: str, forked: Commands) -> str:
    return text.replace("{root}", str(forked.root))


def test_the_corpus_is_large_and_has_no_case_twice() -> None:
    assert len(CASES) >= 120
    assert len({(str(case.arguments), *case.env.items(), *case.files.items()) for case in CASES}) == len(CASES)
