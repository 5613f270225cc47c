"""What the lecture says about the kinds of learning, for the report, in English and Korean."""

from __future__ import annotations

from lib.harness.contract.lab import Sentence

KOREAN = "신경망은 함수다. 레이블에서, 데이터만으로, 보상에서 배우는 것을 측정한다"

SENTENCES = {
    "a-network-is-a-function": Sentence(
        "Artificial intelligence is a function, with non-linear functions inside.",
        "인공지능은 함수이다. 그리고 그 함수를 구현하는데에는 비선형 함수를 그 안에 넣었다.",
        figure="widths",
        parts={
            "width": "비선형 함수가 안에 있으면 가장 넓은 신경망의 오차는 가장 좁은 것의 반도 안 된다",
            "close": "충분히 넓으면 학습된 신경망은 분산의 1 % 안에서 그 함수다",
            "line": "비선형이 없으면 어떤 너비든 똑같이 학습해도 가장 좋은 직선의 오차를 갖는다",
            "by-hand": "학습할 필요도 없다: 손으로 적은 ReLU 유닛 n개가 함수의 h²/8 max|f''| 안에 있다",
        },
    ),
    "three-kinds-of-learning": Sentence(
        "Supervised, unsupervised and reinforcement learning.",
        "지도 학습, 비지도 학습, 강화 학습",
        figure="three_kinds",
        parts={
            "supervised": "레이블에서: 신경망은 시험 숫자 대부분을, 찍는 것의 다섯 배를 맞힌다",
            "supervised-by-its-labels": "다른 그림의 레이블로 똑같이 학습하면 찍는 수준에 머문다",
            "clusters": "레이블 없이: k-평균은 숫자와 일치하는 무리를 찾는다",
            "labels-tell-more": "나중에 이름을 붙인 무리는 레이블을 받은 신경망보다 시험 숫자를 적게 맞힌다",
            "auto-encoder": "레이블 없이: 오토인코더는 숫자 k개로 시험 숫자를 PCA보다 작은 오차로 다시 그린다",
            "linear-auto-encoder": "그리고 비선형 함수가 없으면 그것은 PCA다: 2 % 안에서 같은 오차",
            "reinforcement": "보상에서: REINFORCE는 아무렇게나 미는 것보다 두 배 넘게 오래 막대를 세운다",
            "reinforcement-solves": "그리고 2,000번의 시도 안에 과제를 푼다",
            "reinforcement-by-its-reward": "보상 대신 잡음을 주면 똑같은 학습이 반도 못 버틴다",
        },
    ),
}
