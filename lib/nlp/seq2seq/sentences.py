"""What the lecture says about the encoder-decoder, for the report, in English and Korean."""

from __future__ import annotations

from lib.harness.contract.lab import Sentence

KOREAN = "하나는 읽고 하나는 쓴다: 어텐션은 벡터 하나가 담지 못하는 것을 나르고, 길수록 더 크게 돕는다"

SENTENCES = {
    "encoder-decoder": Sentence(
        "Encoder-Decoder: one network reads, another one writes.",
        "Encoder-Decoder: 한 신경망은 읽고, 다른 신경망은 쓴다.",
        figure="attention",
        lesson=(
            "Without attention the whole word has to pass through one vector, and the longer the word the more is "
            "lost. With attention the writer looks again, at each step, at the letters that it needs; nobody has told "
            "it which. Neither has more parameters than the other.",
            "어텐션이 없으면 단어 전체가 벡터 하나를 지나야 하고, 길수록 더 많이 잃는다. 어텐션이 있으면 "
            "쓰는 쪽이 매 단계마다 필요한 글자를 다시 본다. 어느 글자인지는 아무도 가르쳐 주지 않았다. "
            "파라미터 수는 둘이 같다.",
        ),
        parts={
            "learns": "처음 보는 단어의 발음을 비슷한 단어를 베끼거나 글자마다 음소를 대는 것보다 훨씬 많이 맞힌다",
            "attention": "어텐션을 쓰면 단어 전체를 벡터 하나로 줄일 때보다 오류가 적다",
            "attention-helps-long": "단어가 길수록 어텐션이 더 크게 돕는다",
            "beyond": "배운 어떤 단어보다 긴 단어에서도 어텐션을 쓰면 오류가 적다",
            "looks-in-order": "아무도 가르쳐 주지 않았지만, 어텐션은 답을 쓰는 동안 단어를 왼쪽에서 오른쪽으로 훑는다",
            "translation": "처음 보는 문장의 번역도 어텐션을 쓰면 더 낫다",
            "same-size": "크기 때문이 아니다: 두 신경망의 파라미터 수는 같다",
            "rows": "매 단계의 어텐션을 더하면 1이다",
        },
    ),
    "beam-search": Sentence(
        "Beam search looks for a probable answer and does not take the first best symbol.",
        "빔 서치는 눈앞의 가장 좋은 기호를 바로 고르지 않고, 전체가 그럴듯한 답을 찾는다.",
        figure="answers",
        lesson=(
            "What is more probable is not always more right: the beam repairs the search, not the network.",
            "더 그럴듯하다고 해서 늘 더 맞는 것은 아니다: 빔은 탐색을 고칠 뿐, 신경망을 고치지 않는다.",
        ),
        parts={
            "probability": "빔은 탐욕적으로 쓴 답보다 신경망이 더 그럴듯하다고 보는 답을 찾는다",
            "words": "그리고 그 답이 더 많이 맞는다",
        },
    ),
    "teacher-forcing": Sentence(
        "It learns with the right beginning before its eyes; later it has only its own.",
        "배울 때는 맞는 앞부분을 보고 쓰지만, 나중에는 스스로 쓴 것밖에 없다.",
        figure="learning",
        parts={
            "same-words": "혼자 쓴 단어가 맞는 것은, 맞는 앞부분이 주어졌을 때 모든 다음 음소가 맞는 것과 정확히 같다",
            "errors-spread": "그러나 혼자 두면 오류가 더 많다: 첫 오류 뒤에는 자기 실수에서 이어 쓴다",
        },
    ),
    "translation-memory": Sentence(
        "Is it better than looking the most similar sentence up?",
        "가장 비슷한 문장을 찾아보는 것보다 나은가?",
        figure="translation",
        lesson=(
            "A network that knows no language needs far more than 6,000 sentences. Where texts repeat themselves, as "
            "a program's help does, a translation memory, which copies what people have translated, is hard to beat.",
            "언어를 전혀 모르는 신경망에는 문장 6,000개로는 턱없이 부족하다. 프로그램 도움말처럼 비슷한 문장이 "
            "되풀이되는 글에서는, 사람이 번역해 둔 것을 그대로 가져오는 번역 메모리를 이기기 어렵다.",
        ),
        parts={
            "": "문장 6,000개를 읽은 신경망이 가장 비슷한 문장을 찾아보는 것보다 더 잘 번역한다",
        },
    ),
}
