"""What the lecture says about activations, for the report, in English and Korean."""

from __future__ import annotations

from lib.harness.contract.lab import Sentence

KOREAN = "기울기는 어떤 활성화 함수와 초깃값에서 층마다 사라지며, ReLU는 어떻게 그것을 지키는가"

SENTENCES = {
    "sigmoid-gradient-vanishes": Sentence(
        "What is learned = derivative x output: layer by layer it nears 0 and nothing is learned.",
        "학습되는 양 = 미분 값 * 출력 값. 매번 layer를 거치면서 값이 0에 가까워지며 학습이 되지 않는다.",
        figure="gradient-by-depth",
        parts={
            "product": "한 층이 배우는 양은 그 층에 닿은 미분 곱하기 앞 층의 출력이다",
            "quarter": "시그모이드의 미분은 어디서도 1/4보다 크지 않다",
            "factor": "시그모이드에서는 되돌아가는 층마다, 깊이와 상관없이, 기울기의 4분의 1쯤만 남는다",
            "ratio": "깊은 신경망의 첫 은닉층은 마지막 은닉층 기울기의 백만 분의 일도 받지 못한다",
            "does-not-train": "그래서 깊은 신경망은 배우지 못한다: 새 숫자에서 찍는 것보다 나을 것이 거의 없다",
            "shallow-trains": "깊이 때문이다: 은닉층이 2개면 시그모이드도 배운다",
        },
    ),
    "whatever-activation": Sentence(
        "Whatever the activation, its derivative is near 0 in most regions.",
        "어떤 활성화 함수를 사용하더라도, 대부분의 영역에서 미분값이 0에 가까워진다.",
        figure="activation-and-start",
        lesson=(
            (
                "The sentence is true of sigmoids, not of every activation: what decides is activation and "
                "start together. With tanh in Xavier's start the gradient survives 30 layers; with a start "
                "that is too small even ReLU loses it."
            ),
            (
                "이 문장은 시그모이드에는 맞지만 모든 활성화 함수에 맞지는 않는다: 활성화 함수와 초깃값이 함께 "
                "정한다. Xavier 초깃값의 tanh는 30층 뒤에도 기울기를 지키고, 초깃값이 너무 작으면 ReLU도 "
                "잃는다."
            ),
        ),
        parts={
            "most-regions": "활성화 함수가 무엇이든 미분은 대부분의 영역에서 0에 가깝다 (±10 사이에서 0.05 미만)",
            "every-activation": "활성화 함수가 무엇이든 보통의 초깃값에서 미분의 백분의 일도 첫 층에 닿지 않는다",
            "does-not-learn": "활성화 함수가 무엇이든 깊은 신경망은 배우지 못한다",
            "tanh-keeps": "tanh도 포화하지만 Xavier 초깃값에서는 모든 깊이에서 기울기가 5배 안에 머문다",
            "small-start": "모든 활성화 함수에서 성립하는 경우: 초깃값이 너무 작을 때 (±1/√n의 균등 분포)",
        },
    ),
    "relu-keeps-gradient": Sentence(
        "ReLU: its derivative is 1 and its output unbounded; the problem is solved.",
        "ReLU: 미분값이 1이고, 출력값은 무한대이다. 이에 앞서 언급한 문제가 해결되었다.",
        figure="training",
        lesson=(
            "The gradient survives and the deep net learns. The price: a unit that is off for every picture has the "
            "derivative 0 and stays so, and a good share of the units ends like that.",
            "기울기가 살아남고 깊은 신경망이 배운다. 대가도 있다: 모든 그림에서 꺼진 뉴런은 미분이 0이라 그대로 "
            "머물며, 적지 않은 뉴런이 그렇게 끝난다.",
        ),
        parts={
            "derivative": "ReLU의 미분은 뉴런이 켜진 곳에서 정확히 1이다",
            "unbounded": "ReLU의 출력에는 한계가 없다: 1e30까지 합 그 자체다",
            "ratio": "ReLU와 He 초깃값에서는 모든 깊이에서 기울기가 5배 안에 머문다",
            "trains": "그래서 깊은 신경망이 배운다",
            "no-dead-units": "문제가 해결되었다: 학습된 깊은 신경망에 죽은 뉴런(모든 그림에서 미분 0)이 거의 없다",
        },
    ),
}
