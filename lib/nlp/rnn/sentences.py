"""What the lecture says about recurrent networks, for the report, in English and Korean."""

from __future__ import annotations

from lib.harness.contract.lab import Sentence

KOREAN = "순환 신경망: 시간을 거슬러 사라지는 기울기, 그것을 지키는 게이트, 그리고 얼마나 먼 것까지 배우는가"

SENTENCES = {
    "bptt-vanishes": Sentence(
        "RNNs for language: the gradient vanishes on its way back in time, through the chain rule of back-propagation.",
        "자연어를 위한 RNN: 역전파의 연쇄 법칙 때문에 시간을 거슬러 갈수록 기울기가 사라진다.",
        figure="lags",
        lesson=(
            "Each step back multiplies by the recurrent matrix and by tanh's derivative. As torch starts it the matrix "
            "leaves a factor of 0.58 and tanh a little less: of what was twenty steps ago about a hundred-thousandth "
            "is left.",
            "한 단계 거슬러 갈 때마다 순환 행렬과 tanh의 도함수가 곱해진다. torch의 초깃값에서 순환 행렬은 0.58배를 "
            "남기고 tanh는 그보다 조금 더 줄인다: 스무 단계 전에는 십만 분의 일 정도만 남는다.",
        ),
        parts={
            "chain-rule": "직접 쓴 신경망의 상태와 기울기가 torch와 같다: 시간 역전파는 연쇄 법칙이다",
            "differences": "그 기울기는 손실의 유한 차분과도 같다",
            "at-start": "기본 순환 신경망의 기울기는 20단계 전에서 이미 사라졌다: 천분의 일도 남지 않는다",
            "factor": "한 단계 거슬러 갈 때마다 절반보다 조금 더 남는다",
            "after-learning": (
                "제인 오스틴의 다음 글자를 맞히도록 배운 뒤에도 그렇다: 20글자 전에서는 천분의 일도 남지 않는다"
            ),
        },
    ),
    "not-every-start": Sentence(
        "Does it vanish from every start?",
        "어떤 초깃값에서나 사라지는가?",
        figure="starts",
        lesson=(
            "No: the recurrent matrix decides. Far below a radius of 1 the gradient vanishes, far above it explodes; "
            "an orthogonal matrix leaves 0.87 per step. Theory for wide networks says the factor to a few hundredths.",
            "아니다: 순환 행렬이 결정한다. 반지름이 1보다 많이 작으면 사라지고 많이 크면 폭발하며, 직교 행렬은 "
            "한 단계에 0.87배를 남긴다. 넓은 신경망의 이론은 이 배율을 백분의 몇까지 맞힌다.",
        ),
        parts={
            "orthogonal": "순환 행렬이 직교 행렬이면 그렇게 빨리 사라지지 않는다: 백분의 일 넘게 남는다",
            "explodes": "순환 행렬의 스펙트럼 반지름이 3이면 폭발한다: 열 배가 넘는다",
            "theory": "한 단계의 배율은 이론대로다: 반지름 곱하기 tanh의 도함수",
        },
    ),
    "gates-keep-it": Sentence(
        "Gates keep the gradient: LSTM and GRU.",
        "게이트가 기울기를 지킨다: LSTM과 GRU.",
        figure="starts",
        lesson=(
            "Not as they come: a gate that starts half open lets about half through at each step, and that vanishes as "
            "well. What they have is a way to keep it, a gate that can open: with a forget bias of 1 it is open from "
            "the start.",
            "처음 그대로는 아니다: 반쯤 열린 게이트는 매 단계 절반 정도만 통과시키므로 역시 사라진다. 게이트가 주는 "
            "것은 지킬 수 있는 길이다: 망각 게이트의 편향을 1로 두면 처음부터 열려 있다.",
        ),
        parts={
            "lstm": "torch의 초깃값 그대로의 LSTM은 20단계 전에 백분의 일 넘게 지킨다",
            "gru": "torch의 초깃값 그대로의 GRU도 그렇다",
            "forget-bias": "망각 게이트의 편향이 1에서 시작하는 LSTM은 그렇다",
            "text-lstm": "글을 배운 뒤 LSTM(망각 편향 1)은 20글자 전의 것을 기본 순환 신경망보다 더 많이 듣는다",
            "text-gru": "글을 배운 뒤 GRU도 그렇다",
        },
    ),
    "learns-far": Sentence(
        "With a gradient that is kept, a network learns over longer distances.",
        "기울기가 지켜지면 더 먼 거리에 걸쳐 배운다.",
        figure="distance",
        parts={
            "orthogonal": "직교 행렬에서 시작한 순환 신경망은 보통의 기본 순환 신경망보다 더 먼 두 수의 덧셈을 배운다",
            "lstm": "LSTM(망각 편향 1)은 보통의 기본 순환 신경망보다 더 먼 두 수의 덧셈을 배운다",
            "gru": "GRU는 보통의 기본 순환 신경망보다 더 먼 두 수의 덧셈을 배운다",
        },
    ),
    "undisturbed-is-easy": Sentence(
        "Is a small gradient a lost one?",
        "작은 기울기는 잃어버린 기울기인가?",
        figure="distance",
        lesson=(
            "Small is not lost: with nothing but blanks in between, a hundred-thousandth of a gradient can be all that "
            "there is to follow. What the steps in between say is what it competes with.",
            "작다고 잃어버린 것은 아니다: 사이에 빈칸뿐이면 십만 분의 일의 기울기라도 따라갈 유일한 것일 수 있다. "
            "그것이 다투는 상대는 사이 단계들이 말하는 것이다.",
        ),
        parts={"": "사이에 빈칸만 있으면 기본 순환 신경망도 20단계에 걸쳐 배운다"},
    ),
}
