"""What the lecture says about TensorFlow 2, for the report, in English and Korean."""

from __future__ import annotations

from lib.harness.contract.lab import Sentence

KOREAN = "TensorFlow 2의 네 수준에서 같은 신경망: 같은 가중치, 그리고 autograph가 파이썬 코드를 어떻게 바꾸는가"

SENTENCES = {
    "four-levels-agree": Sentence(
        "TF 2: high level tf.keras; high-level custom: subclassing + eager; low level: Python-style code + autograph + "
        "eager; lower: tf.nn + eager.",
        "TF 2: 고수준은 tf.keras, 고수준 맞춤은 상속 + eager, 저수준은 파이썬식 코드 + autograph + eager, "
        "더 낮은 수준은 tf.nn + eager",
        figure="levels",
        lesson=(
            "The level changes how much one writes and how fast it runs, not what is learned. Levels that call the "
            "same operations agree to the last bit, whether Python or a graph calls them.",
            "수준이 바꾸는 것은 적어야 할 양과 속도이지, 배우는 내용이 아니다. 같은 연산을 부르는 수준들은 파이썬이 "
            "부르든 그래프가 부르든 마지막 비트까지 같다.",
        ),
        parts={
            "float64": "초기 가중치와 배치 순서가 같으면, 네 수준 모두 eager든 컴파일이든 매 단계 뒤 가중치가 같다",
            "float32": "같은 TensorFlow 연산을 부르는 수준끼리는 float32에서도 그렇다",
            "moved": "움직이지 않아서가 아니다: 가중치는 그 천 배를 움직였다",
            "traced-once": "컴파일한 단계는 크기가 같은 모든 배치에 대해 한 번만 추적된다",
            "compiled-is-faster": "컴파일하면 모든 수준에서 한 단계가 더 빠르다",
        },
    ),
    "rounding-flips-a-unit": Sentence(
        "Same start, same data, other weights: what rounding does.",
        "같은 시작, 같은 데이터, 다른 가중치: 반올림이 하는 일",
        figure="agreement",
        lesson=(
            "A sum in another order differs in the last digit. Where a ReLU's input is that close to 0, one network "
            "lets a gradient through and the other does not; from there they part.",
            "더하는 순서가 다르면 마지막 자리가 달라진다. ReLU의 입력이 그만큼 0에 가까운 곳에서 한 신경망은 기울기를 "
            "통과시키고 다른 신경망은 막는다. 거기서부터 둘은 갈라진다.",
        ),
        parts={"": "float32에서 더하는 순서가 다른 합성곱은 다른 곳에 이른다: 가중치 차이가 1e-5보다 크다"},
    ),
    "autograph-if-else": Sentence(
        "Writing eagerly, if .. else .. just works (autograph).",
        "eager하게 작성하면 if .. else ..가 그냥 된다 (autograph).",
        figure="cost",
        lesson=(
            "Give a compiled function tensors, not Python's numbers: each new number is a new graph, and making one "
            "takes longer than running it eagerly.",
            "컴파일한 함수에는 파이썬 숫자가 아니라 텐서를 주어야 한다: 새 숫자마다 새 그래프가 생기고, 그래프를 "
            "만드는 것은 eager로 한 번 실행하는 것보다 오래 걸린다.",
        ),
        parts={
            "same-answers": "텐서에 대한 if, else, while, for, break, continue: 그래프와 eager 실행의 결과가 같다",
            "as-python": "eager 실행은 TensorFlow 없는 파이썬과 같은 결과를 낸다",
            "gradient": "while 반복을 지나는 기울기도 같다",
            "it-is-autograph": "autograph를 끄면 TensorFlow는 다섯 프로그램을 모두 거부한다",
            "one-trace-for-tensors": "형과 모양이 같은 텐서는 값이 무엇이든 한 번만 추적된다",
            "a-trace-for-each-number": "파이썬 숫자는 새 숫자마다 따로 추적된다",
            "loop-is-faster": "111번 도는 반복은 eager보다 그래프에서 더 빠르다",
            "first-call": "그러나 추적하는 첫 호출은 eager 호출보다 오래 걸린다",
        },
    ),
    "autograph-limits": Sentence(
        "And what does not just work?",
        "그냥 되지 않는 것은?",
        figure="autograph",
        lesson=(
            "An error is the kind case. What Python says once, a setting, a counter, a random number, is frozen in the "
            "graph without a word: such things must be tensors or variables.",
            "오류가 나면 차라리 낫다. 설정, 횟수, 난수처럼 파이썬이 한 번 말한 것은 아무 말 없이 그래프 안에 굳는다: "
            "그런 것은 텐서나 변수여야 한다.",
        ),
        parts={
            "refused": "eager로는 되는 다섯 프로그램은 그래프가 되지 못하며, TensorFlow가 그렇다고 알려 준다",
            "frozen": "세 프로그램은 그래프를 만들 때 파이썬이 말한 것을 오류 없이 그대로 간직한다",
        },
    ),
    "layers-and-estimator": Sentence(
        "tf.layers builds layers, tf.estimator trains and evaluates.",
        "tf.layers로 층을 만들고, tf.estimator로 학습하고 평가한다.",
        figure="old_code",
        lesson=(
            "That was so. Both are gone, and their names in compat.v1 lead nowhere; what they did, keras.layers, fit "
            "and evaluate do.",
            "그때는 그랬다. 둘 다 없어졌고 compat.v1의 이름도 더는 쓸 수 없다. 그 일은 이제 keras.layers, fit, "
            "evaluate가 한다.",
        ),
        parts={
            "old-code-runs": "tf.layers로 층을 만들고 tf.estimator로 학습·평가하는 그때의 코드가 오늘도 실행된다",
            "replacement-runs": "그 모두에 대해 실행되는 Keras 코드가 있다",
            "replacement-is-right": "그 코드는 옛 코드가 하던 계산을 한다",
            "replacement-learns": "estimator를 대신한 Keras는 학습하고 평가한다",
        },
    ),
    "fully-compatible-keras": Sentence(
        "Fully compatible tf.keras.",
        "완전히 호환되는 tf.keras",
        figure="portable",
        lesson=(
            "A model is the same everywhere: its file, its logits, its training. What is TensorFlow's own, the tape, "
            "tf.function and the SavedModel, does not come along to another backend.",
            "모델은 어디서나 같다: 파일도, 로짓도, 학습도. GradientTape, tf.function, SavedModel처럼 TensorFlow 고유의 "
            "것은 다른 백엔드로 따라오지 않는다.",
        ),
        parts={
            "saved": "학습 도중에 저장하고 불러온 모델은 그런 일이 없었던 것처럼 학습을 이어 간다",
            "weights-are-not-all": "그러려면 가중치만으로는 부족하다",
            "served": "내보낸 모델은 endpoint, signature, TFSMLayer 어느 쪽으로 불러도 같은 로짓을 낸다",
            "levels": "불러온 모델의 가중치는 어느 수준에서 더 학습해도 같은 가중치가 된다",
            "torch-logits": "같은 파일은 torch 백엔드에서도 같은 로짓을 낸다",
            "torch-training": "torch 백엔드에서도 TensorFlow에서처럼 배운다: 단계마다 손실이 같다",
            "every-use": "TensorFlow 백엔드에서 모델로 할 수 있는 일은 torch 백엔드에서도 할 수 있다",
        },
    ),
}
