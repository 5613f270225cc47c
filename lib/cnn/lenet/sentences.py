"""What the lecture says about LeNet, for the report, in English and Korean."""

from __future__ import annotations

from lib.harness.contract.lab import Sentence

KOREAN = "예전 그대로의 LeNet-5와 오늘날 만든다면의 LeNet-5: 무엇을 보고 무엇을 틀리는가"

SENTENCES = {
    "lenet-learns": Sentence(
        "LeNet.",
        "LeNet",
        figure="curves",
        lesson=(
            "Most of the old network's bad name comes from how it is trained in textbooks: trained as one would "
            "today it "
            "gains more than ReLU, max pooling and a better start add on top.",
            "옛 신경망의 나쁜 평판은 대부분 교과서의 학습 방법에서 온다: 오늘날처럼 학습하면 ReLU, 최대 풀링, 더 "
            "나은 초깃값이 더해 주는 것보다 더 많이 얻는다.",
        ),
        parts={
            "parameters": "LeNet-5의 매개변수는 원형이든 현대판이든, torch든 Keras든 61,706개다",
            "shapes": "모든 층의 가중치는 논문의 층이 주는 모양이다",
            "same-outputs": "torch와 Keras는 같은 가중치에서 같은 출력을 낸다",
            "same-gradients": "torch와 Keras는 같은 가중치에서 같은 기울기를 낸다",
            "same-step": "그리고 한 걸음 학습한 뒤 같은 가중치를 갖는다",
            "modern": "현대판 LeNet-5는 Fashion-MNIST 옷의 91 % 이상을 안다",
            "original": "원형 LeNet-5는 오늘날처럼 학습하면 87 % 이상을 안다",
            "modern-beats-original": "옷에서 ReLU, 최대 풀링, He 초깃값은 시그모이드와 평균 풀링을 이긴다",
            "digits": "3,500개로 배우는 숫자에서도 그렇다",
            "recipe": "오늘날처럼 학습한 원형은 교과서의 방법보다 옷을 더 많이 안다",
        },
    ),
}
