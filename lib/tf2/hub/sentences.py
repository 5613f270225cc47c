"""What the lecture says about TensorFlow Hub, for the report, in English and Korean."""

from __future__ import annotations

from lib.harness.contract.lab import Sentence

KOREAN = "모듈 다시 쓰기: 인쇄된 글자에서 배운 특징으로 손으로 쓴 숫자를, 숫자마다 그림 1장에서 20장으로"

SENTENCES = {
    "reuse-a-module": Sentence(
        "TensorFlow Hub.",
        "TensorFlow Hub",
        figure="few_shot",
        lesson=(
            "A module is a graph with weights and no Python: any program can load it and go on from there. One that "
            "has seen hundreds of printed letters has features for strokes of any kind, and so it needs few "
            "handwritten digits. It pays most where there is least to learn from.",
            "모듈은 파이썬 없이 그래프와 가중치만으로 되어 있어, 어느 프로그램이든 불러서 이어 갈 수 있다. 인쇄된 글자 "
            "수백 가지를 본 모듈은 어떤 획에도 쓸 특징을 갖추었기에, 손으로 쓴 숫자는 몇 장이면 된다. 배울 그림이 가장 "
            "적을 때 가장 크게 돕는다.",
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
    "few-kinds-teach-little": Sentence(
        "Does any module help?",
        "어떤 모듈이나 도움이 되는가?",
        figure="few_shot",
        lesson=(
            "No: what it has seen decides. A module that has learned to tell five kinds of clothes apart keeps what "
            "tells these five apart, and that says little about five others.",
            "아니다: 무엇을 보았는지가 결정한다. 옷 다섯 가지를 구별하도록 배운 모듈에는 그 다섯을 가르는 것만 남고, "
            "그것은 다른 다섯 가지에 대해 말해 주는 것이 적다.",
        ),
        parts={
            "no-gain": "옷 다섯 가지를 본 모듈을 얼려 써도, 다른 다섯 가지에서 처음부터 배운 신경망보다 낫지 않다",
            "letters-gain-more": "글자 수백 가지를 본 모듈만큼 앞서지 못한다",
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
