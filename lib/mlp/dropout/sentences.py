"""What the lecture says about dropout, for the report, in English and Korean."""

from __future__ import annotations

from lib.harness.contract.lab import Sentence

KOREAN = "뉴런을 랜덤하게 끊기: 차이는 줄고, 단순해지는 것은 활성값이 아니라 함수다"

SENTENCES = {
    "dropout-simplifies": Sentence(
        "Cutting neurons at random makes the model simpler.",
        "랜덤하게 뉴런을 끊음으로써, 모델을 단순하게 만듦.",
        figure="simplicity",
        lesson=(
            "What becomes simpler is the function: it changes more slowly with the picture. The hidden activations "
            "become "
            "smaller, but they extend in more directions, not fewer: what may be gone is kept in several places.",
            "단순해지는 것은 함수다: 그림에 따라 더 천천히 변한다. 은닉 활성값은 작아지지만 더 적은 방향이 아니라 "
            "더 많은 "
            "방향으로 뻗는다: 사라질 수 있는 것은 여러 곳에 나누어 두기 때문이다.",
        ),
        parts={
            "rank": "드롭아웃을 쓰면 은닉 활성값이 더 적은 방향으로 뻗는다: 유효 랭크가 낮다",
            "norm": "드롭아웃을 쓰면 은닉 활성값이 더 작다",
            "input-gradient": "드롭아웃을 쓰면 답이 그림에 따라 더 천천히 변한다",
            "sensitivity": "드롭아웃을 쓰면 그림에 섞인 잡음이 답을 덜 움직인다",
        },
    ),
    "dropout-narrows-gap": Sentence(
        "With dropout it overfits less.",
        "Dropout을 쓰면 overfitting이 줄어든다.",
        figure="gap",
        parts={
            "gap": "드롭아웃을 쓰면 시험 손실과 학습 손실의 차이가 더 작다",
            "accuracy": "드롭아웃을 쓰면 새 그림을 더 많이 알아본다",
            "expected-value": (
                "뉴런 열 개의 모든 마스크에 걸쳐, 드롭아웃이 통과시키는 값의 평균은 h, 분산은 h² p / (1 - p)이다"
            ),
            "expected-value-framework": "프레임워크의 드롭아웃도 평균적으로 같은 값을 통과시킨다",
            "identity-at-evaluation": "신경망을 쓸 때 드롭아웃은 아무것도 하지 않는다: 그런 층이 없는 것과 같은 로짓",
        },
    ),
    "more-than-slower-learning": Sentence(
        "Is it more than slower learning?",
        "느린 학습 이상의 것인가?",
        figure="curves",
        parts={
            "": "같은 학습 손실에서 멈춘 것과 비교해도 드롭아웃을 쓴 쪽이 더 많이 알아본다",
        },
    ),
    "clean-labels-hide-it": Sentence(
        "Clean labels hide it.",
        "깨끗한 레이블에서는 잘 보이지 않는다.",
        figure="strength",
        parts={
            "": "레이블이 깨끗하면 드롭아웃이 얻는 정확도가 잡음이 있을 때보다 작다",
        },
    ),
}
