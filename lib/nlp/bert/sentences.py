"""What the lecture says about BERT, for the report, in English and Korean."""

from __future__ import annotations

from lib.harness.contract.lab import Sentence

KOREAN = "가려진 단어는 양쪽을 보고 맞히며, 그렇게 배운 것은 레이블이 적은 곳에서 도움이 된다"

SENTENCES = {
    "both-sides": Sentence(
        "ELMo, GPT, BERT: from a reader of either side and one of the left to one that sees both sides at once.",
        "ELMo → GPT → BERT: 양쪽에서 따로 읽는 모델, 왼쪽만 읽는 모델에서 양쪽을 한꺼번에 보는 모델로.",
        figure="hidden-word",
        lesson=(
            "A masked model learns from the 15 % of the words that are hidden, the others from every word: at equal "
            "steps it is the slowest learner, and the biLM, which sees both sides too, is a strong rival. What makes "
            "BERT worth while is what the same guessing teaches when there is very much text: MiniLM needs few labels. "
            "It tells a word's meaning best in its middle layers, as its last ones were tuned for whole sentences.",
            "마스크 모델은 가려진 15 %의 단어에서만 배우고 다른 모델은 모든 단어에서 배운다: 걸음 수가 같으면 가장 "
            "느리게 배우며, 역시 양쪽을 보는 biLM은 강한 상대다. BERT의 값어치는 글이 아주 많을 때 같은 맞히기가 "
            "가르쳐 주는 것에 있다: MiniLM은 레이블이 적어도 된다. 단어의 뜻은 가운데 층이 가장 잘 알려 준다. "
            "마지막 층들은 문장 전체에 맞추어졌기 때문이다.",
        ),
        parts={
            "masked-above-causal": (
                "마스크 언어 모델은 왼쪽만 보는 언어 모델보다 문장 한가운데의 가려진 단어를 더 많이 맞힌다"
            ),
            "masked-above-bilm": (
                "마스크 언어 모델은 양쪽에서 따로 읽는 두 언어 모델보다 한가운데의 가려진 단어를 더 많이 맞힌다"
            ),
            "bilm-above-causal": (
                "양쪽에서 따로 읽는 두 언어 모델은 왼쪽만 보는 언어 모델보다 한가운데의 가려진 단어를 더 많이 맞힌다"
            ),
            "pretrained-above-scratch": (
                "레이블이 적을 때, 사전 학습된 BERT를 미세 조정하면 처음부터 배우는 BERT보다 영화평을 더 많이 맞힌다"
            ),
            "pretrained-above-tf-idf": (
                "레이블이 적을 때, 사전 학습된 BERT를 미세 조정하면 TF-IDF의 로지스틱 회귀보다 영화평을 더 많이 맞힌다"
            ),
            "fine-tuned-above-frozen": (
                "사전 학습된 BERT를 미세 조정하면 얼려 둔 벡터의 로지스틱 회귀보다 영화평을 더 많이 맞힌다"
            ),
            "meaning-in-context": (
                "사전 학습된 BERT가 만든 단어의 벡터는 둘레 단어들의 고정된 벡터보다 단어의 뜻을 더 잘 알려 준다"
            ),
            "meaning-in-context-small": (
                "작은 마스크 모델이 만든 단어의 벡터는 둘레 단어들의 고정된 벡터보다 단어의 뜻을 더 잘 알려 준다"
            ),
            "frozen-features": (
                "작은 마스크 모델의 얼려 둔 벡터로는 왼쪽만 보는 모델의 벡터로보다 영화평을 더 많이 맞힌다"
            ),
        },
    ),
}
