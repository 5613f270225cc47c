"""What the lecture says about TensorFlow Hub, for the report, in English and Korean."""

from __future__ import annotations

from lib.harness.contract import Sentence

KOREAN = "모듈 다시 쓰기: 어떤 옷에서 배운 특징으로 다른 옷을, 종류마다 그림 1장에서 20장으로"

SENTENCES = {
    "reuse-a-module": Sentence(
        "TensorFlow Hub.",
        "TensorFlow Hub",
        figure="few_shot",
        lesson=(
            "A module is a graph with weights and no Python: any program can load it and go on from there. Whether its "
            "features help depends on what it has seen: one trained on few kinds of things knows little about others.",
            "모듈은 파이썬 없이 그래프와 가중치만으로 되어 있어, 어느 프로그램이든 불러서 이어 갈 수 있다. 그 특징이 "
            "도움이 되는지는 무엇을 보고 배웠는가에 달려 있다: 몇 가지만 보고 배운 모듈은 다른 것을 잘 모른다.",
        ),
        parts={
            "beats-scratch": "그림이 적을 때, 얼린 모듈에 새 층을 얹은 것이 처음부터 배운 신경망보다 더 알아본다",
            "trained-on-beats-scratch": "새 층과 함께 더 학습한 모듈도 그렇다",
            "learned-features": "배운 덕분이다: 같은 신경망을 랜덤 가중치로 얼리면 덜 알아본다",
            "most-with-fewest": "그림이 적을수록 처음부터 배운 신경망보다 모듈이 더 앞선다",
            "same-features": "tensorflow_hub.load와 keras.layers.TFSMLayer는 내보낸 신경망과 같은 특징을 준다",
            "trains-on": "더 학습하면 그 층의 가중치가 움직인다",
        },
    ),
    "keras-layer-is-keras-2": Sentence(
        "And hub.KerasLayer, the way of most tutorials?",
        "그러면 대부분의 튜토리얼이 쓰는 hub.KerasLayer는?",
        figure="doors",
        parts={
            "refused": "Keras 3은 Keras 2의 층인 tensorflow_hub.KerasLayer를 거부한다",
            "works-there": "Keras 2(tf_keras)의 모델에서는 모듈의 특징을 그대로 준다",
        },
    ),
}
