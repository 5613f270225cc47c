"""What the lecture says about optimizers, for the report, in English and Korean."""

from __future__ import annotations

from lib.harness.contract.lab import Sentence

KOREAN = "경사 하강법에서 NAdam까지: 어디에서 빛나고 어디에서 실패하는가, 그리고 직접 짠 것이 프레임워크의 것과 같은가"

SENTENCES = {
    "gradient-descends": Sentence(
        "The gradient: follow it down to the minimum.",
        "Gradient: minimum을 쭉쭉 찾자.",
        figure="divergence",
        lesson=(
            "The slope leads to a minimum, and to the nearest one, not the lowest. The step must stay below 2/L, L the "
            "largest curvature: beyond that every step climbs.",
            "기울기는 극소점으로 이끌지만, 가장 낮은 극소점이 아니라 가장 가까운 극소점이다. "
            "보폭은 2/L(L은 가장 큰 곡률)보다 "
            "작아야 하며, 그보다 크면 매 걸음마다 올라간다.",
        ),
        parts={
            "step": "기울기의 반대 방향으로 작게 한 걸음 가면 학습률 곱하기 기울기의 제곱만큼 내려간다",
            "divergence": "협곡에서 경사 하강법은 학습률 2/L까지 수렴하고 그 너머에서는 발산한다",
            "minimum": "학습률 1/L이면 거의 모든 임의의 출발점이 극소점에서 멈춘다",
            "not-the-lowest": "어느 극소점인지는 출발점이 정한다: Rastrigin에서는 대개 가장 낮은 극소점이 아니다",
            "noise": "미니배치 기울기의 분산은 배치 크기에 반비례한다",
            "cost": "크기 10의 배치는 200개 전체 배치보다 적은 예제를 보고 최소점 근처에 온다",
        },
    ),
    "momentum-rescues": Sentence(
        "Momentum (inertia; update = velocity + gradient) solves it where plain descent fails.",
        "Momentum(관성): 경사 하강법이 작동하지 않는 문제를 해결. update = velocity + gradient",
        figure="loss-curves",
        lesson=(
            "Momentum pays along ravines and across plateaus. On LeNet, with the best rate for each, most of the gain "
            "is gone: a good learning rate does much of what momentum does.",
            "관성은 협곡과 평원에서 이득이 된다. LeNet에서는 각자 가장 좋은 학습률을 쓰면 이득이 거의 사라진다: 좋은 "
            "학습률이 "
            "관성이 하는 일의 많은 부분을 한다.",
        ),
        parts={
            "ravine": "협곡을 따라서 관성이 있으면 더 적은 걸음으로 목표에 닿는다",
            "plateau": "평원을 가로질러 관성이 있으면 더 적은 걸음으로 목표에 닿는다",
            "lenet": "같은 걸음 수 뒤에 관성이 있는 LeNet의 시험 손실이 더 낮다",
        },
    ),
    "momentum-forms": Sentence(
        "SGD + momentum, and another form of it.",
        "SGD + Momentum, 그리고 SGD + Momentum another form",
        figure="momentum-forms",
        parts={
            "constant": "학습률이 일정하면 두 형태의 관성은 같은 길을 간다",
            "schedule": "학습률이 바뀌면 두 형태는 갈라진다",
        },
    ),
    "adagrad-decays": Sentence(
        "Adagrad: the learning rate keeps shrinking.",
        "Adagrad: 갈수록 learning rate가 줄어든다.",
        figure="effective-rate",
        parts={
            "monotone": "Adagrad의 실효 학습률은 결코 커지지 않는다",
            "valley": "기울기가 일정한 골짜기에서 Adagrad는 느려진다: 열 배의 길은 열 배를 훨씬 넘는 걸음이 든다",
        },
    ),
    "rmsprop-improves-adagrad": Sentence(
        "RMSprop improves Adagrad.",
        "RMSprop: Adagrad 개선",
        figure="steps-to-target",
        lesson=(
            "RMSprop's rate recovers when the slope changes, which is what it was made for. It is not faster "
            "everywhere: where the slope is steep at first and gentle later, Adagrad's caution is no loss.",
            "RMSprop의 학습률은 기울기가 바뀌면 회복되며, 그러려고 만든 것이다. 하지만 어디서나 더 빠른 것은 아니다: "
            "처음에 "
            "가파르고 나중에 완만한 곳에서는 Adagrad의 조심성이 손해가 아니다.",
        ),
        parts={
            "ravine": "RMSprop은 협곡에서 Adagrad보다 적은 걸음으로 목표에 닿는다",
            "turned-ravine": "RMSprop은 돌려 놓은 협곡에서 Adagrad보다 적은 걸음으로 목표에 닿는다",
            "plateau": "RMSprop은 평원에서 Adagrad보다 적은 걸음으로 목표에 닿는다",
            "rosenbrock": "RMSprop은 Rosenbrock 함수에서 Adagrad보다 적은 걸음으로 목표에 닿는다",
            "beale": "RMSprop은 Beale 함수에서 Adagrad보다 적은 걸음으로 목표에 닿는다",
            "lenet": "같은 걸음 수 뒤에 RMSprop으로 학습한 LeNet의 시험 손실이 Adagrad보다 낮다",
            "recovers": "기울기가 백분의 일로 줄면 RMSprop의 학습률은 따라 커지고 Adagrad는 그렇지 않다",
        },
    ),
    "adam-is-the-sum": Sentence(
        "Adam = Adagrad + RMSprop + momentum; it moves well.",
        "Adam = Adagrad + RMSprop + Momentum. 잘 움직여라~",
        figure="identities",
        lesson=(
            "The sum is exact at three corners of Adam's settings. That it 'moves well' says less: with each "
            "optimizer at its best rate, Adam is good, and rarely far ahead.",
            "이 합은 Adam 설정의 세 모서리에서 정확하다. '잘 움직인다'는 말은 그만큼 분명하지 않다: 각 최적화기가 "
            "가장 좋은 "
            "학습률을 쓰면 Adam은 좋지만 크게 앞서는 일은 드물다.",
        ),
        parts={
            "functions": "함수들에서 Adam의 평균 순위는 여덟 중 앞쪽 절반에 든다",
            "lenet": "Adam으로 학습한 LeNet의 시험 손실이 다른 최적화기들의 중앙값보다 낮다",
            "rmsprop": "beta1 = 0인 Adam은 편향을 보정한 RMSprop이다",
            "adagrad": "beta1 = 0, beta2 -> 1이고 학습률이 eta/sqrt(t)인 Adam은 Adagrad이다",
            "momentum": "epsilon이 아주 크고 학습률을 그만큼 키운 Adam은 관성이다",
        },
    ),
    "adamax-nadam": Sentence(
        "AdaMax and NAdam.",
        "AdaMax, NAdam",
        figure="paths",
        parts={
            "infinity-norm": "AdaMax는 지난 기울기들 가운데 (한 걸음마다 beta2만큼 흐려진) 가장 큰 것으로 나눈다",
            "nesterov": "NAdam과 Nesterov 관성의 관계는 Adam과 관성의 관계와 같다",
            "frameworks": "NumPy로 짠 AdaMax와 NAdam은 torch와 Keras의 것과 같은 걸음을 걷는다",
        },
    ),
    "nobody-writes-them": Sentence(
        "Who writes an optimizer by hand these days?",
        "요새 같은 시절에 누가 optimizer를 직접 짜나요?",
        figure="frameworks",
        parts={
            "lenet": "NumPy의 최적화기로 학습한 LeNet과 프레임워크의 것으로 학습한 LeNet은 같은 매개변수를 갖는다",
            "lenet-predictions": "그리고 모든 그림에 같은 답을 낸다",
            "torch": "torch에 있는 모든 최적화기를 NumPy로 짠 것이 torch와 같은 걸음을 걷는다",
            "keras": "Keras에 있는 모든 최적화기를 NumPy로 짠 것이 Keras와 같은 걸음을 걷는다",
            "keras-as-shipped": "Keras는 그대로 쓰면 몇몇 상수를 float32로 반올림하며, 길은 그만큼까지 일치한다",
            "lion": "NumPy의 Lion은 Keras와 같은 걸음을 걷는다 (torch에는 없다)",
            "muon-keras": "NumPy의 Muon은 행렬에서 Keras와 같은 걸음을 걷는다",
            "muon-torch": "NumPy의 Muon은 bfloat16이 허용하는 만큼 torch와 같은 걸음을 걷는다",
        },
    ),
}
