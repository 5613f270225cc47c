"""What the lecture says about AutoML, for the report, in English and Korean."""

from __future__ import annotations

from lib.harness.contract.lab import Sentence

KOREAN = "도구가 찾아 주는 하이퍼파라미터와 기본값: 같은 에폭이면 찾는 데 쓸까, 기본값을 여러 번 학습할까"

SENTENCES = {
    "search-beats-default": Sentence(
        "A tool that helps with hyperparameters: Google AutoML.",
        "Hyperparameter를 learning에 도와주는 tool - google automl",
        figure="best_so_far",
        lesson=(
            "A search is paid for in trainings. The same trainings spent on more starts of the default are the fair "
            "peer, and the winner must be judged on pictures that no choice has seen: the best of many trials was "
            "lucky, too.",
            "탐색의 값은 학습 횟수다. 그 학습을 기본값의 여러 출발점에 쓰는 것이 공정한 비교 상대이고, 승자는 어떤 "
            "선택에도 쓰이지 않은 그림으로 평가해야 한다: 많은 시도 가운데 최고는 운도 좋았기 때문이다.",
        ),
        parts={
            "tpe": "가지치기를 곁들인 TPE가 찾은 설정은 기본값의 가장 좋은 출발점보다 옷을 더 많이 안다",
            "random": "무작위 탐색이 찾은 설정도 그렇다",
            "tpe-beats-random": "그리고 가지치기를 곁들인 TPE는 무작위 탐색보다 더 좋은 설정을 찾는다",
            "equal-budget": "어떤 탐색도 다른 탐색보다 많은 에폭을 쓰지 않는다",
        },
    ),
}
