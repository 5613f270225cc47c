"""What the lecture says about GPT, for the report, in English and Korean."""

from __future__ import annotations

from lib.harness.contract.lab import Sentence

KOREAN = "작은 GPT가 왼쪽에서 오른쪽으로 제인 오스틴처럼 쓰기를 배운다: 문맥이 주는 것을 세기만 하는 모델과 견준다"

SENTENCES = {
    "left-to-right": Sentence(
        "GPT reads from left to right.",
        "GPT는 왼쪽에서 오른쪽으로 읽는다.",
        figure="writing",
        lesson=(
            "It is never told a word, a name or a rule of spelling. To say which character is next it must find them: "
            "first how frequent characters are, then which follow each other, words, and how sentences go on.",
            "단어도 이름도 철자법도 가르친 적이 없다. 다음 글자를 맞히려면 스스로 찾아야 한다: 처음에는 글자의 빈도, "
            "다음에는 어떤 글자가 이어지는지, 그다음에는 단어, 그다음에는 문장이 이어지는 방식이다.",
        ),
        parts={
            "untrained": "배우기 전의 손실은 글자 수의 로그이다: 찍는 것과 같다",
            "causal": "뒤의 글자는 앞의 출력을 결코 바꾸지 않는다",
            "learns": "글자마다의 빈도보다 더 많은 것을 배운다: 손실이 적어도 반 내트 낮다",
            "context": "많이 읽을수록 더 잘 예측한다: 32글자 뒤가 네 글자 뒤보다 낫다",
        },
    ),
    "looks-further-than-a-pair": Sentence(
        "Is it more than counting?",
        "세는 것 이상인가?",
        figure="counting",
        lesson=(
            "Counting is a strong peer on a small text: n-grams of a few characters have seen all novels at once, "
            "and the model only what it was shown in its steps. It goes on where counting ends: the longer a piece, "
            "the less often it was seen, and what was never seen cannot be counted.",
            "작은 글에서는 세기도 강한 상대다: 몇 글자짜리 n그램은 소설 전체를 한꺼번에 보았고, 모델은 "
            "학습 단계에서 보여 준 것만 보았다. 모델은 세기가 끝나는 곳에서 더 나아간다: "
            "긴 조각일수록 드물게 나오고, 나온 적 없는 것은 셀 수 없다.",
        ),
        parts={"": "어떤 글자 다음에 어떤 글자가 오는지 세는 것보다 더 잘 예측한다"},
    ),
    "context-beyond-the-word": Sentence(
        "How far back does it look?",
        "얼마나 앞까지 거슬러 보는가?",
        figure="context",
        parts={"": "한 단어보다 더 멀리 있는 것도 조금은 도움이 된다"},
    ),
}
