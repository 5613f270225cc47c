"""What the lecture says about ELMo, for the report, in English and Korean."""

from __future__ import annotations

from lib.harness.contract.lab import Sentence

KOREAN = "문장에서 나오는 단어 벡터: 단어마다 벡터 하나로는 구별할 수 없는 품사를 구별한다"

SENTENCES = {
    "context-changes-vectors": Sentence(
        "ELMo: a word's vector comes from its context.",
        "ELMo: 단어의 벡터는 문맥에서 나온다.",
        figure="part_of_speech",
        lesson=(
            "With one vector for each word all that can be said of an ambiguous word is its most frequent part of "
            "speech. Two language models, one that reads forward and one that reads backward, have seen what stands "
            "before and after it.",
            "단어마다 벡터가 하나뿐이면, 애매한 단어에 대해 말할 수 있는 것은 가장 잦은 품사뿐이다. 앞에서 읽는 언어 "
            "모델과 뒤에서 읽는 언어 모델은 그 단어의 앞뒤에 무엇이 있는지 본다.",
        ),
        parts={
            "part-of-speech": "애매한 단어의 품사를, 단어마다 하나인 벡터보다 문맥에서 나온 벡터가 더 자주 맞힌다",
            "mean-of-contexts": "문맥 덕분이다: 같은 벡터를 그 단어의 출현들에 걸쳐 평균하면 덜 맞힌다",
            "new-words": "탐침이 배운 적 없는 단어에서도 그렇다",
            "static-is-one": "문맥을 보기 전의 단어 벡터는 어느 문장에서나 같다",
            "cosine": "두 문맥에서 한 단어는 두 벡터를 가진다: 코사인이 1보다 작다",
        },
    ),
    "meaning-moves-the-vector": Sentence(
        "The vector moves with what the word is in its sentence.",
        "벡터는 문장 속에서 단어가 맡은 역할에 따라 움직인다.",
        figure="one_word",
        parts={"": "품사가 같을 때 한 단어의 두 출현이 더 닮았다"},
    ),
    "learned-not-built-in": Sentence(
        "Is it learned, or is seeing the neighbours enough?",
        "배운 것인가, 이웃을 보는 것만으로 충분한가?",
        figure="part_of_speech",
        parts={"": "배운 것이다: 문맥은 보지만 학습하지 않은 같은 신경망은 덜 맞힌다"},
    ),
    "syntax-sits-low": Sentence(
        "Which layer knows most of the part of speech?",
        "어느 층이 품사를 가장 잘 아는가?",
        figure="likeness",
        parts={"": "두 층 가운데 첫째 층이 마지막 층만큼, 또는 그보다 더 자주 품사를 맞힌다"},
    ),
    "the-mixture-is-a-mean": Sentence(
        "ELMo mixes its layers with weights that it learns.",
        "ELMo는 층들을 학습한 가중치로 섞는다.",
        figure="likeness",
        parts={"": "층을 섞는 가중치의 합은 1이다"},
    ),
}
