"""What the lecture says about neurons and layers, for the report, in English and Korean."""

from __future__ import annotations

from lib.harness.contract.lab import Sentence

KOREAN = "뉴런 하나, 뉴런의 층들, 그리고 층 사이의 비선형이 없으면 왜 아무것도 되지 않는가"

SENTENCES = {
    "threshold-neuron": Sentence(
        "A neuron passes nothing on until its threshold is crossed.",
        "정보가 임계치를 넘어가지 않으면, 다른 뉴런으로 넘어가지 않는다.",
        figure="threshold-units",
        parts={
            "threshold": "가중합이 임계치를 넘을 때까지 뉴런은 아무것도 넘기지 않고, 넘으면 넘긴다",
            "and-or": "뉴런 하나가 AND와 OR를 배우며, 실수는 Novikoff 정리가 허용하는 만큼을 넘지 않는다",
            "xor-best": "XOR는 뉴런 하나로 안 된다: 가중치와 임계치가 무엇이든 네 줄 중 많아야 세 줄이 맞는다",
            "xor-never": "XOR에서 퍼셉트론 규칙은 끝나지 않는다: 가중치가 있던 자리로 돌아온다",
            "two-layers": "임계 뉴런의 두 층은 XOR를 계산한다: 입력이 하나는 있고, 둘 다는 아니다",
            "two-layers-learn": "은닉 뉴런이 2개면 역전파는 대부분의 출발점에서 XOR를 찾는다",
            "more-units-learn": "은닉 뉴런이 4개면 거의 모든 출발점에서 찾는다",
        },
    ),
    "nonlinearity-is-the-core": Sentence(
        "Layers stacked to a black box: what makes it work is the non-linear activation.",
        "여러 layer를 쌓은 black box, 그것을 구현하는 것의 핵심은 non-linear한 activation function이다.",
        figure="spirals",
        parts={
            "spirals": "두 나선에서 ReLU가 있는 신경망은 활성화 함수가 없는 같은 신경망보다 뚜렷이 더 자주 맞힌다",
            "digits": "손글씨 숫자에서도 그렇다",
            "linear-stays-linear-spirals": "활성화 함수가 없으면 네 층이 나선에서 선형 층 하나가 하는 만큼만 한다",
            "linear-stays-linear-digits": "활성화 함수가 없으면 네 층이 숫자에서 선형 층 하나가 하는 만큼만 한다",
            "tanh-too": "ReLU가 아니어도 된다: tanh로도 나선이 갈라진다",
            "folds": "활성화 함수가 없으면 모든 행렬의 곱이 같은 출력을 내는 한 층이다",
            "relu-does-not-fold": "ReLU가 있으면 그렇지 않다: 행렬들의 곱은 다른 함수다",
        },
    ),
    "back-propagation-is-the-chain-rule": Sentence(
        "Back-propagation is the chain rule, layer by layer.",
        "역전파는 층마다 쓰는 연쇄 법칙이다.",
        figure="folding",
        parts={
            "framework": "손으로 쓴 역전파는 프레임워크의 기울기와 같은 값을 준다",
            "differences": "그리고 가중치를 조금 움직여 얻은 기울기와도 같다",
        },
    ),
}
