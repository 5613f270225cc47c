"""The harness's reasons why a claim is undecided, in Korean; a lab's own reasons stay as it has given them."""

from __future__ import annotations

import re

from lib.harness.judging.intervals import FEW, NO_NUMBER, NOT_FINITE, SAME
from lib.harness.showing.in_cell import KOREAN_VERDICTS

REASONS = (
    *((rf"^{verdict}: ", f"{KOREAN_VERDICTS[verdict]}: ") for verdict in ("inconclusive", "not measured")),
    (r"\bmissing: ", "빠진 시행: "),
    (r", seed (\d+) \(", r", 시드 \1 ("),
    (r"; (\d+) more\b", r"; 그 밖에 \1개"),
    (r"no partner for seed ([\d, ]*\d)", r"짝이 없는 시드: \1"),
    (re.escape(SAME), "모든 시드의 값이 같아 흩어짐을 알 수 없다"),
    (re.escape(NO_NUMBER), "숫자가 아닌 값(NaN)이 있다"),
    (re.escape(NOT_FINITE), "유한하지 않은 값이 있다"),
    (re.escape(FEW), "시드가 6개보다 적어 중앙값의 구간을 정할 수 없다"),
    ("one seed has no spread", "시드가 하나뿐이라 흩어짐을 알 수 없다"),
    ("one item has no spread", "항목이 하나뿐이라 흩어짐을 알 수 없다"),
    ("a logarithm needs values > 0", "로그를 취하려면 값이 0보다 커야 한다"),
    (re.escape("the measure is no number (NaN)"), "측정값이 숫자가 아니다(NaN)"),
    (
        r"([^;]+) is (\S+), below (\S+): it has hardly learned, so train it longer",
        r"\1: \2, 기준 \3보다 낮다. 거의 학습하지 못했으므로 더 오래 학습해야 한다",
    ),
)
"""Patterns of what a note begins with, and what stands for them in Korean."""


def in_korean(reason: str) -> str:
    """A reason as a note has it, with the harness's words in Korean."""
    for pattern, korean in REASONS:
        reason = re.sub(pattern, korean, reason)
    return reason
