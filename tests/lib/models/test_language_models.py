"""The three language models: as many parameters, what each may see, untrained loss, vectors by definition."""

from collections import Counter
from itertools import islice
from typing import Any

import numpy as np
import pytest
import torch

from lib.data import brown
from lib.harness.contract.seeds import Seed
from lib.harness.errors import UserError
from lib.models import descent
from lib.models import language_models as lm
from lib.models.training import DivergedError
from tests.lib.support import Recording

SHAPE = lm.Shape(vocabulary=300, width=16)
SEED = Seed(5)
KINDS: tuple[lm.Kind, ...] = ("bilm", "causal", "masked")
TEXTS = lm.sentences("validation", SHAPE)[:200]


build: Any = lm.build  # so that a network's parts can be looked at
quiet = Recording()


@pytest.mark.parametrize("shape", [lm.Shape(), lm.Shape(width=128)], ids=["default", "wide"])
def test_the_three_have_as_many_parameters_within_three_percent(shape: lm.Shape) -> None:
    counts = [lm.parameter_count(build(kind, shape, SEED)) for kind in KINDS]
    assert max(counts) < 1.03 * min(counts)


def test_the_vocabulary_has_the_most_frequent_words_and_their_counts() -> None:
    known = lm.vocabulary(300)
    counted = Counter(word for text in brown.words(brown.train()) for word in text)
    assert known.words[:5] == ("<unknown>", "<begin>", "<end>", "<mask>", "the")
    assert [counted[word] for word in known.words[4:]] == sorted(counted.values(), reverse=True)[:296]
    assert known.counts.tolist()[4:] == [counted[word] for word in known.words[4:]]
    assert known.counts.sum() == counted.total() + 2 * len(brown.train())
    assert np.exp(known.log_frequency()).sum() == pytest.approx(1)


def test_words_come_back_and_unknown_ones_become_unknown() -> None:
    known = lm.vocabulary(300)
    ids = known.encode(["The", "man", "zyzzyva", "한글", ""])
    assert ids.tolist()[0] == lm.BEGIN and ids.tolist()[-1] == lm.END
    assert known.decode(ids) == ["the", "man", "<unknown>", "<unknown>", "<unknown>"]
    assert known.decode(known.encode([])) == []
    assert len(known.encode(["the"] * 100, context=10)) == 10


@pytest.mark.parametrize(
    ("text", "required", "words"),
    [
        ("", (), "empty"),
        ("  \n ", (), "empty"),
        ("word " * 63, (), "63 words: at most 62"),
        ("the zyzzyva", ("zyzzyva",), "'zyzzyva' is none of the 296 words"),
    ],
)
def test_bad_texts_are_one_line(text: str, required: tuple[str, ...], words: str) -> None:
    with pytest.raises(UserError) as error:
        lm.encode_text(text, SHAPE, required)
    assert words in str(error.value) and "\n" not in str(error.value)


def test_an_epoch_brings_every_sentence_once_in_batches_of_one_length() -> None:
    supply, seen, count = lm.batches(TEXTS, 100, SEED), [], 0
    while count < len(TEXTS):
        batch = next(supply)
        assert batch.shape[0] == 1 or batch.size <= 100
        seen += [tuple(row) for row in batch]
        count += len(batch)
    assert Counter(seen) == Counter(map(tuple, TEXTS))
    again = [batch.tolist() for batch in islice(lm.batches(TEXTS, 100, SEED), 5)]
    other = [batch.tolist() for batch in islice(lm.batches(TEXTS, 100, Seed(6)), 5)]
    assert again != other and again == [b.tolist() for b in islice(lm.batches(TEXTS, 100, SEED), 5)]


@pytest.mark.parametrize("kind", KINDS)
def test_untrained_loss_is_the_logarithm_of_the_vocabulary(kind: lm.Kind) -> None:
    assert lm.mean_loss(build(kind, SHAPE, SEED), TEXTS, SEED) == pytest.approx(np.log(300), abs=0.05)


@pytest.mark.parametrize("kind", KINDS)
def test_training_lowers_the_loss_and_repeats(kind: lm.Kind) -> None:
    found = []
    for _ in range(2):
        network = build(kind, SHAPE, SEED)
        found.append(lm.train(network, TEXTS, steps=25, tokens=256, learning_rate=2e-2, seed=SEED, log=quiet))
        found.append(np.concatenate([w.ravel() for w in lm.weights(network).values()]))
    assert found[0][-5:].mean() < found[0][:2].mean() - 0.5
    assert np.array_equal(found[0], found[2]) and np.array_equal(found[1], found[3])


def test_products_in_bfloat16_train_and_repeat_and_leave_weights_in_float32() -> None:
    def losses(**said: Any) -> np.ndarray:
        network, supply = build("causal", SHAPE, SEED), lm.batches(TEXTS, 256, SEED)
        rng = SEED.rng("mask")
        found = descent.descend(
            network, lambda: lm.loss_of(network, next(supply), rng), steps=25, learning_rate=2e-2, log=quiet, **said
        )
        assert all(parameter.dtype == torch.float32 for parameter in network.parameters())
        return found

    exact, rounded, again = losses(), losses(precision="bfloat16"), losses(precision="bfloat16")
    assert np.array_equal(rounded, again)
    assert 0 < abs(rounded[0] - exact[0]) < 2**-8 * exact[0]  # one rounding of bfloat16
    assert rounded[-5:].mean() < rounded[:2].mean() - 0.5


def test_a_loss_that_is_no_number_ends_the_training() -> None:
    network = build("causal", SHAPE, SEED)
    with torch.no_grad():
        network.words.weight.fill_(float("nan"))
    with pytest.raises(DivergedError, match="step 0"):
        lm.train(network, TEXTS, steps=5, tokens=256, learning_rate=1e-2, seed=SEED, log=quiet)


@pytest.mark.parametrize("kind", KINDS)
def test_a_prediction_sees_what_its_kind_may_see_and_never_the_word_itself(kind: lm.Kind) -> None:
    network, place = build(kind, SHAPE, SEED), 4
    text = next(text for text in TEXTS if len(text) == 12)
    before = lm.log_probabilities(network, [text], [place])
    assert np.exp(before.astype(float)).sum() == pytest.approx(1, abs=1e-5)
    for changed in range(1, 11):
        other = text.copy()
        other[changed] = 250 if text[changed] != 250 else 251
        same = np.array_equal(lm.log_probabilities(network, [other], [place]), before)
        assert same == (changed == place or (kind == "causal" and changed > place)), changed


def test_the_bilm_joins_both_sides_by_bayes_rule() -> None:
    network = build("bilm", SHAPE, SEED)
    text = torch.from_numpy(TEXTS[0])[None]
    with torch.no_grad():
        left = network.logits(network.norms[0](network.direction(0, text[:, :3])[-1]))[0, -1].softmax(0).numpy()
        read = network.norms[1](network.direction(1, text.flip(1)[:, : text.shape[1] - 4])[-1])
        right = network.logits(read)[0, -1].softmax(0).numpy()
    joined = left * right / np.exp(lm.vocabulary(300).log_frequency())
    np.testing.assert_allclose(
        np.exp(lm.log_probabilities(network, [TEXTS[0]], [3])[0]), joined / joined.sum(), rtol=1e-4
    )


@pytest.mark.parametrize("place", [0, -1, 50])
def test_a_place_that_is_no_word_is_refused(place: int) -> None:
    text = next(text for text in TEXTS if len(text) == 12)
    with pytest.raises(UserError, match="1 to 10"):
        lm.log_probabilities(build("masked", SHAPE, SEED), [text], [place])


@pytest.mark.parametrize("kind", KINDS)
def test_features_are_the_layers_one_sentence_at_a_time(kind: lm.Kind) -> None:
    network = build(kind, SHAPE, SEED)
    found = lm.features(network, TEXTS[:30])
    for text, layers in zip(TEXTS[:30], found, strict=True):
        assert layers.shape == (3, len(text), 32 if kind == "bilm" else 16)
        with torch.no_grad():
            alone = torch.cat(network.layers(torch.from_numpy(text)[None])).numpy()
            static = network.words(torch.from_numpy(text)).numpy()
        np.testing.assert_allclose(layers, alone, atol=1e-6)
        np.testing.assert_array_equal(layers[0, :, :16], static)


def test_a_block_is_torchs_own_encoder_layer() -> None:
    """Pre-norm, GELU, no biases: the same weights in torch's TransformerEncoderLayer give the same output."""
    from lib.models.language_networks import Block

    for causal in (True, False):
        ours = Block(16, 4, 32, causal)
        theirs = torch.nn.TransformerEncoderLayer(
            16, 4, 32, dropout=0.0, activation="gelu", batch_first=True, norm_first=True, bias=False
        )
        with torch.no_grad():
            theirs.self_attn.in_proj_weight.copy_(ours.queries_keys_values.weight)
            theirs.self_attn.out_proj.weight.copy_(ours.joined.weight)
            theirs.linear1.weight.copy_(ours.expand.weight)
            theirs.linear2.weight.copy_(ours.contract.weight)
            x = torch.from_numpy(SEED.rng("x").normal(size=(2, 7, 16)).astype(np.float32))
            mask = torch.nn.Transformer.generate_square_subsequent_mask(7) if causal else None
            torch.testing.assert_close(ours(x), theirs(x, src_mask=mask, is_causal=causal), atol=1e-5, rtol=1e-5)


def test_the_learning_rate_rises_and_falls_to_a_tenth() -> None:
    rates = [descent.rate_at(step, 2000, 1e-3) for step in range(2000)]
    assert rates[0] < 2e-5 and np.argmax(rates) == 100 and max(rates) == pytest.approx(1e-3)
    assert rates[-1] == pytest.approx(1e-4, rel=1e-3) and np.all(np.diff(rates[100:]) < 0)
