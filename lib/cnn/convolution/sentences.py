"""What the lecture says about convolution, for the report, in English and Korean."""

from __future__ import annotations

from lib.harness.contract.lab import Sentence

KOREAN = "손으로 쓴 합성곱과 프레임워크의 합성곱: 찾아내는 특징과, 커지는 필터"

SENTENCES = {
    "shift-multiply-sum": Sentence(
        "Convolution is shifting, multiplying and summing.",
        "Convolution 연산이란? Shift와 곱하기 연산의 합이다.",
        figure="shift-multiply-sum",
        lesson=(
            (
                "It is, and what the frameworks call convolution is cross-correlation: the same with the "
                "kernel not turned round."
            ),
            "맞다. 다만 프레임워크가 convolution이라고 부르는 것은 교차상관이다: 커널을 뒤집지 않은 같은 연산이다.",
        ),
        parts={
            "shifts": "그림 전체를 옮기고 곱하고 더하면 식의 반복문과 같은 값이 나온다",
            "fft": "스펙트럼을 곱하면 식의 반복문과 같은 값이 나온다",
            "torch": "커널을 180도 돌린 torch의 conv2d는 float32에서 식의 반복문과 같은 값을 준다",
            "torch-float64": "커널을 180도 돌린 torch의 conv2d는 float64에서 식의 반복문과 같은 값을 준다",
            "tensorflow": "커널을 180도 돌린 TensorFlow의 conv2d는 float32에서 식의 반복문과 같은 값을 준다",
            "tensorflow-float64": "커널을 180도 돌린 TensorFlow의 conv2d는 float64에서 식의 반복문과 같은 값을 준다",
            "correlation": "커널을 그대로 쓰면, 프레임워크가 convolution이라고 부르는 것은 교차상관이다",
            "turned": "그리고 그것은 합성곱이 아니다: 커널을 돌리지 않으면 값이 다르다",
            "backward": "손으로 쓴 기울기는 torch, TensorFlow, 유한 차분의 기울기와 같다",
        },
    ),
    "extracts-features": Sentence(
        "Convolution extracts the features of an image.",
        "Convolution 연산을 통해, 영상의 특징을 뽑아낼 수 있다.",
        figure="edges",
        parts={
            "sobel-upright": "세로 경계용 Sobel 필터는 바지에서 가로 경계용보다 크게 반응한다",
            "sobel-level": "그리고 운동화에서는 더 작게 반응한다",
            "gabor": "사진의 경계에서 경계를 따르는 Gabor 필터가 가로지르는 것보다 크게 반응한다",
            "moved": "특징은 어디에 있든 발견된다: 옮긴 그림에 대한 반응은 옮긴 반응이다",
            "cnn-beats-mlp": "LeNet은 매개변수 수가 같은 두 MLP 중 나은 것보다 옷을 더 많이 알아본다",
            "more-so-when-moved": "그림을 옮기면 그 앞섬이 더 커진다",
            "neighbours": "이웃이 없으면 특징도 없다: 화소를 섞으면 LeNet은 앞서지 못한다",
            "linear": "LeNet의 합성곱이 할 일을 덜어 준다: 선형 분류기가 화소보다 그 특징을 더 잘 읽는다",
        },
    ),
    "filters-grow": Sentence(
        "Stacking convolutions makes the filter grow, so features of different sizes come out (it commutes).",
        (
            "Convolution 연산을 하다보면, filter size가 갈수록 커지게 된다. 따라서 서로 다른 크기의 필터의 "
            "feature를 뽑아낼 수 있다 (교환법칙이 성립하니까)."
        ),
        figure="growth",
        lesson=(
            (
                "One channel, no activation, away from the border: exact. Between channels the order matters, "
                "a ReLU between breaks both, and so does padding near the border. The filter grows with depth, "
                "but its weights pile up in the middle."
            ),
            (
                "채널이 하나이고 활성화 함수가 없고 가장자리에서 떨어져 있으면 정확히 성립한다. 채널이 "
                "여럿이면 순서가 중요하고, 사이에 ReLU가 있거나 가장자리를 채우면 깨진다. 필터는 깊이에 따라 "
                "커지지만 가중치는 가운데에 쌓인다."
            ),
        ),
        parts={
            "commutes": "두 합성곱의 순서는 상관없다",
            "merges": "3 x 3 다음 5 x 5는 7 x 7 필터 하나다: 둘의 합성곱",
            "channels-merge": "채널이 여럿이어도 두 층은 더 큰 필터의 한 층이다",
            "channels-order": "그러나 채널이 여럿이면 순서가 중요하다: 행렬이 그렇듯 채널의 커널은 교환되지 않는다",
            "relu-merges-not": (
                "사이에 ReLU가 있으면 두 필터는 더는 하나가 아니다: 가장 좋은 필터 하나도 오차를 남긴다"
            ),
            "relu-order": "사이에 ReLU가 있으면 두 필터의 순서가 중요하다",
            "border": "0으로 채우면 가장자리 근처에서 두 필터는 하나가 아니다",
            "interior": "그 밖의 모든 곳에서는 하나다",
            "receptive-field": "LeNet의 유닛은 5, 6, 14, 16, 32 화소를 본다: 식으로도 기울기로도",
            "receptive-field-maximum": "최대 풀링을 지나도, 많은 그림에 걸쳐 보면 그렇다",
            "side": "3 x 3 필터 n개를 이으면 한 변이 2n + 1인 필터다",
            "bell": "그러나 가중치는 종 모양이고 그 폭은 n의 제곱근만큼만 커진다",
            "sizes": "서로 다른 크기의 특징이 나온다: 두 배 깊으면 경계 필터는 더 긴 파장을 좋아한다",
        },
    ),
}
