"""What the lecture says about overfitting, for the report, in English and Korean."""

from __future__ import annotations

from lib.harness.contract.lab import Sentence

KOREAN = "데이터에 비해 너무 복잡한 모델은 잡음을 외운다. 그리고 그 너머에서 오차는 다시 줄어든다"

SENTENCES = {
    "complexity-overfits": Sentence(
        "A too complex model does well on training data and worse on new data.",
        "너무 모델이 복잡하기 때문에, 주어진 데이터에는 높은 성능을 보이지만 새로운 데이터에서는 성능이 떨어진다.",
        figure="complexity",
        parts={
            "does-well-on-training-data": "큰 신경망의 학습 손실이 작은 것보다 낮다",
            "worse-on-new-data": "큰 신경망의 시험 손실은 더 높다",
            "gap": "시험 손실과 학습 손실의 차이는 큰 신경망에서 더 크다",
            "more-data": "예제가 다섯 배면 큰 신경망의 차이가 줄어든다",
        },
    ),
    "more-wrong-answers": Sentence(
        "And its answers are wrong more often.",
        "그리고 답도 더 자주 틀린다.",
        figure="complexity",
        lesson=(
            "The large network is not wrong more often, it is wrong with more confidence: that is what its loss "
            "shows. "
            "Loss and error are two questions, and overfitting is seen first in the loss.",
            "큰 신경망은 더 자주 틀리는 것이 아니라 더 확신하며 틀린다: 손실이 보여 주는 것이 그것이다. 손실과 "
            "오답률은 서로 다른 "
            "질문이며, 과적합은 손실에서 먼저 보인다.",
        ),
        parts={
            "": "큰 신경망은 새 그림에서 작은 것보다 더 많이 틀린다",
        },
    ),
    "early-stopping": Sentence(
        "Stopping in time helps.",
        "제때 멈추면 도움이 된다.",
        figure="training-length",
        parts={
            "loss": "큰 신경망의 시험 손실은 끝보다 검증 손실이 가장 낮았던 곳에서 더 낮다",
            "error": "그리고 거기서 더 적게 틀린다",
        },
    ),
    "learns-by-heart": Sentence(
        "A large network can learn anything by heart, even noise.",
        "큰 신경망은 무엇이든, 잡음까지도 외울 수 있다.",
        figure="random-labels",
        parts={
            "training": "레이블이 모두 무작위여도 큰 신경망은 거의 모두 맞힌다",
            "chance": "그리고 새 그림은 찍는 만큼만 맞힌다",
        },
    ),
    "double-descent": Sentence(
        "(The notes stop before it.) Beyond the interpolation threshold the test error falls again.",
        "(강의 노트는 그 앞에서 멈춘다.) 보간 문턱을 넘으면 시험 오차가 다시 줄어든다.",
        figure="double-descent-features",
        parts={
            "features-interpolate": "무작위 특징이 예제 수만큼 되면 최소제곱은 잡음 섞인 모든 레이블을 정확히 맞춘다",
            "features-rise": "무작위 특징: 문턱에서의 오차는 그 앞 골짜기보다 높다",
            "features-fall": "무작위 특징: 문턱을 훨씬 넘으면 오차가 다시 낮아진다",
            "networks-rise": "학습된 신경망: 문턱에서의 오차는 그 앞 골짜기보다 높다",
            "networks-fall": "학습된 신경망: 문턱을 훨씬 넘으면 오차가 다시 낮아진다",
        },
    ),
    "larger-is-better": Sentence(
        "Is the largest model the best one, then?",
        "그러면 가장 큰 모델이 가장 좋은가?",
        figure="double-descent-networks",
        lesson=(
            "With clean labels the second descent ends below the valley before the peak; with noisy ones it does not. "
            "That the error falls again does not say that it falls lower.",
            "레이블이 깨끗하면 두 번째 하강은 봉우리 앞 골짜기보다 아래에서 끝나고, 잡음이 있으면 그렇지 않다. "
            "오차가 다시 "
            "줄어든다는 말은 더 낮아진다는 말이 아니다.",
        ),
        parts={
            "clean-features": "무작위 특징, 깨끗한 레이블: 훨씬 너머가 골짜기보다 낫다",
            "noisy-features": "무작위 특징, 잡음 레이블: 훨씬 너머가 골짜기보다 낫다",
            "networks": "학습된 신경망, 잡음 레이블: 훨씬 너머가 골짜기보다 낫다",
        },
    ),
    "ridge-flattens-the-peak": Sentence(
        "The peak is a matter of missing regularisation.",
        "봉우리는 규제가 없어서 생긴다.",
        figure="double-descent-features",
        parts={
            "": "검증으로 고른 릿지 규제를 쓰면 봉우리가 반 이하로 남는다",
        },
    ),
}
