"""Roles of claims: their part in the sentence that their row puts to the test."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, get_args

from lib.harness.contract.texts import Language, Text
from lib.harness.errors import UserError

if TYPE_CHECKING:
    from lib.harness.contract.claim import Claim

Role = Literal["sentence", "condition", "limit", "control", "identity"]
"""The part of a claim in its row.

- **sentence**: what the row's sentence says, as measured. The row's verdict is that of its sentences.
- **condition**: an assumption that the sentence leaves out.
- **limit**: the end of the range in which the sentence is true.
- **control**: the peer, or the treatment taken away, that shows what the effect comes from.
- **identity**: an equation or a fact by which the measurement itself is checked.
"""
ROLES: tuple[Role, ...] = get_args(Role)
WORDS: Mapping[str, Text] = {
    "condition": Text("true only if", "이럴 때만 성립"),
    "limit": Text("only as far as", "여기까지만 성립"),
    "control": Text("compared with", "비교 기준"),
    "identity": Text("checked", "검산"),
}
"""The words that stand before a claim that is not its row's sentence."""


def words_of(record: Mapping[str, Any]) -> Text | None:
    """The words before a part in the list of its row; None for a sentence, as all parts of older records are."""
    return WORDS.get(record.get("role", "sentence"))


def with_role(record: Mapping[str, Any], name: str, language: Language = "en") -> str:
    """The name of a part with its role's words before it: ``true only if: small-start``."""
    words = words_of(record)
    return f"{words.ko if language == 'ko' else words.en}: {name}" if words else name


def require_sentences(claims: Iterable[Claim]) -> None:
    """Raises `UserError` for a row without a sentence: nothing would decide it."""
    rows: dict[str, list[str]] = {}
    for claim in claims:
        rows.setdefault(claim.row, []).append(claim.says)
    for row, roles in rows.items():
        if "sentence" not in roles:
            raise UserError(
                f"no claim of the row '{row}' has the role 'sentence' (they have: {', '.join(dict.fromkeys(roles))}), "
                "so nothing decides it: say which claim is the sentence"
            )
