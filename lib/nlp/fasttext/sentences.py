"""What the lecture says about FastText, for the report, in English and Korean."""

from __future__ import annotations

from lib.harness.contract.lab import Sentence

KOREAN = "조각으로 이루어진 단어: 오타와 처음 보는 단어의 벡터, 그리고 가장 가까운 철자와의 비교"

SENTENCES = {
    "robust-to-typos": Sentence(
        "FastText is robust to typos.",
        "FastText는 오타에 강하다.",
        figure="recovery",
        lesson=(
            "Robust compared with what? word2vec alone knows no misspelled word, so anything is better. The fair peer "
            "looks up the nearest spelling first and takes that word's vector: a search by edits, made for this. "
            "FastText's own strength is that it needs no such step, and that it gives words a vector that no "
            "dictionary has.",
            "무엇에 비해 강한가? word2vec만으로는 잘못 쓴 단어를 전혀 모르므로 무엇이든 그보다 낫다. 공정한 비교 "
            "대상은 먼저 철자가 가장 가까운 단어를 찾아 그 벡터를 쓰는 것이다: 바로 이 일을 위한 단순한 편집 거리 "
            "검색이다. FastText의 장점은 그런 단계가 필요 없고, 어떤 사전에도 없는 단어에도 벡터를 준다는 것이다.",
        ),
        parts={
            "word2vec-alone": "word2vec만으로는 어떤 오타에도 벡터가 없다: 원래 단어를 하나도 찾지 못한다",
            "recovery": "FastText는 오타의 적어도 절반에서 원래 단어를 가장 가까운 열 단어 안에 둔다",
            "recovery-nearest-spelling": "FastText는 철자가 가장 가까운 열 단어만큼 자주 원래 단어를 찾는다",
            "sentiment": "오타가 있을 때 감정 분류기는 word2vec 벡터보다 FastText 벡터에서 정확도를 덜 잃는다",
            "sentiment-nearest-spelling": (
                "모르는 단어를 철자가 가장 가까운 단어로 바꾼 word2vec보다 정확도를 더 잃지 않는다"
            ),
            "korean": "자모 n-gram을 쓰면 한국어 오타의 적어도 절반에서 원래 단어가 가장 가까운 열 단어 안에 있다",
            "korean-nearest-spelling": "자모 n-gram은 철자가 가장 가까운 열 단어만큼 자주 원래 단어를 찾는다",
        },
    ),
    "jamo-beat-syllables": Sentence(
        "In Korean the pieces should be jamo, not syllables.",
        "한국어에서는 조각이 음절이 아니라 자모여야 한다.",
        figure="korean",
        lesson=(
            "A wrong key changes a whole syllable, often two, as a final moves to the next one. Little is then left of "
            "the n-grams of syllables, but most of those of jamo. The text here is small and of one kind, so compare "
            "the bars and do not take their height for Korean's.",
            "키 하나를 잘못 누르면 음절 하나가 통째로 바뀌고, 받침이 다음 음절로 넘어가 둘이 바뀌기도 한다. 그러면 "
            "음절 n-gram은 거의 남지 않지만 자모 n-gram은 대부분 남는다. 여기의 텍스트는 작고 한 종류뿐이므로, 막대의 "
            "높이가 아니라 막대끼리의 차이를 보자.",
        ),
        parts={"": "자모 n-gram은 음절 n-gram보다 오타 뒤의 한국어 단어를 더 자주 찾는다"},
    ),
    "subwords-keep-the-meaning": Sentence(
        "Do the pieces cost meaning?",
        "조각을 쓰면 의미를 잃는가?",
        figure="gensim",
        lesson=(
            "Words that share pieces get like vectors, whether or not they mean the same. With much text the word's "
            "own row corrects that; with little text it has not been seen often enough.",
            "조각을 나누어 쓰는 단어는 뜻이 같든 다르든 비슷한 벡터를 얻는다. 텍스트가 많으면 단어 자신의 행이 이를 "
            "바로잡지만, 적으면 그만큼 자주 보지 못한다.",
        ),
        parts={"": "조각은 의미를 해치지 않는다: 사람의 평가와 word2vec만큼 비슷하다"},
    ),
    "as-good-as-gensim": Sentence(
        "Ours, small and readable, is as good as gensim.",
        "작고 읽기 쉬운 우리 것이 gensim만큼 좋다.",
        figure="gensim",
        parts={
            "words": "우리의 word2vec은 gensim의 것만큼 사람의 유사도 평가와 비슷하다",
            "subwords": "우리의 FastText는 gensim의 것만큼 사람의 유사도 평가와 비슷하다",
            "recovery": "우리의 FastText는 gensim의 것만큼 자주 오타 뒤의 단어를 찾는다",
        },
    ),
}
