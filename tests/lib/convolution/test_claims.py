"""Every claim's decision on measurements whose answer is known, and on the experiment broken on purpose."""

from typing import Any

import numpy as np
import pytest

from lib.cnn.convolution import arithmetic as convolution_arithmetic
from lib.cnn.convolution import by_hand, filters, receptive_field
from lib.cnn.convolution import edges as convolution_edges
from lib.cnn.convolution import order as convolution_order
from lib.cnn.convolution.config import ConvolutionConfig
from lib.cnn.convolution.lab import LAB, RUNTIMES
from lib.data import fashion_mnist
from lib.data.pictures import Split
from lib.harness.contract.results import Results
from lib.harness.contract.trial import Trial
from lib.harness.judging.verdicts import judge
from tests.lib.arms import swapped
from tests.lib.convolution.support import SMALL, made_up, verdict
from tests.lib.decisions import row_verdict
from tests.lib.exact_claims import turning
from tests.lib.support import answers, run_trial

ROWS = ("shift-multiply-sum", "extracts-features", "filters-grow")


def measure(experiment: str) -> Results:
    return Results([run_trial(LAB, Trial(experiment, ConvolutionConfig(**SMALL), 0, function=experiment))])


def test_claims_cover_the_lecture_and_have_a_range() -> None:
    assert tuple(dict.fromkeys(claim.row for claim in LAB.claims)) == ROWS
    assert len({claim.id for claim in LAB.claims}) == len(LAB.claims)
    for claim in LAB.claims:
        assert claim.range_text, claim.id


EXACT_CLAIMS = [claim.id for claim in LAB.claims if claim.kind == "exact"]


@pytest.mark.parametrize("claim", EXACT_CLAIMS)
def test_what_is_exact_holds(claim: str, whole: Results) -> None:
    assert verdict(claim, whole) == "holds"


def accuracies(lead: float, moved: float, spread: float, suffix: str = "", seeds: int = 5) -> dict[str, Any]:
    """Accuracies at distance 0 and 1 in which LeNet leads by so much, give or take `spread`."""
    noise = spread * np.linspace(-1, 1, seeds)
    cnn = [[0.8 + lead + e, 0.6 + moved - e] for e in noise]
    mlp = [[0.8, 0.6]] * seeds
    return {
        f"training/{arm}{suffix}": [{"test_right": [answers(each) for each in by_seed]} for by_seed in of_arm]
        for arm, of_arm in (("cnn", cnn), ("mlp", mlp))
    }


@pytest.mark.parametrize(
    ("claim", "results", "expected"),
    [
        ("cnn-beats-mlp", accuracies(0.02, 0.1, 0.005), "holds"),
        ("cnn-beats-mlp", accuracies(-0.02, 0.1, 0.005), "fails"),
        ("cnn-beats-mlp", accuracies(0.002, 0.1, 0.02), "inconclusive"),
        ("more-so-when-moved", accuracies(0.02, 0.1, 0.005), "holds"),
        ("more-so-when-moved", accuracies(0.1, 0.02, 0.005), "fails"),
        ("more-so-when-moved", accuracies(0.05, 0.051, 0.02), "inconclusive"),
        ("neighbours", accuracies(-0.02, 0.0, 0.005, "-shuffled"), "holds"),
        ("neighbours", accuracies(0.02, 0.0, 0.005, "-shuffled"), "fails"),
        ("neighbours", accuracies(0.001, 0.0, 0.02, "-shuffled"), "inconclusive"),
        ("neighbours", accuracies(0.02, 0.1, 0.005), "not measured"),
    ],
)
def test_decisions_on_leads(claim: str, results: dict[str, Any], expected: str) -> None:
    assert verdict(f"extracts-features/{claim}", made_up(results)) == expected


def test_a_network_does_not_beat_itself() -> None:
    """Broken on purpose, the treatment removed: what is called LeNet is the MLP again."""
    mlp = accuracies(0.02, 0.1, 0.005)["training/mlp"]
    results = made_up({"training/cnn": mlp, "training/mlp": mlp})
    for part in ("cnn-beats-mlp", "more-so-when-moved"):
        (claim,) = [each for each in LAB.claims if each.id == f"extracts-features/{part}"]
        record = judge(claim, results, LAB.name)
        assert (record["verdict"], record["effect"]) == ("inconclusive", 0), part


def test_with_the_networks_swapped_the_sentence_fails() -> None:
    """Broken on purpose: the MLP has what LeNet measured."""
    results = made_up(accuracies(0.02, 0.1, 0.005))
    other = swapped(results, ("training/cnn", "training/mlp"))
    assert verdict("extracts-features/cnn-beats-mlp", results) == "holds"
    assert verdict("extracts-features/cnn-beats-mlp", other) == "fails"
    assert row_verdict(LAB, "extracts-features", other) == "fails"


@pytest.mark.slow
def test_exact_claims_hold_for_every_root_seed() -> None:
    assert turning(LAB, ConvolutionConfig(**SMALL), ("tensorflow", *RUNTIMES)) == []


@pytest.mark.parametrize(
    ("gain", "spread", "expected"), [(0.02, 0.005, "holds"), (-0.02, 0.005, "fails"), (0.0, 0.01, "inconclusive")]
)
def test_decision_on_linear_classifiers(gain: float, spread: float, expected: str) -> None:
    found = [
        {"linear_right": {"pixels": answers(0.8), "learned": answers(0.8 + gain + e)}}
        for e in spread * np.linspace(-1, 1, 5)
    ]
    assert verdict("extracts-features/linear", made_up({"training/cnn": found})) == expected


def test_decisions_on_deviations() -> None:
    def results(torch: float, tensorflow: float, unturned: float, slopes: float) -> Results:
        ways = ("shifts", "fft", "correlation", "gradients")
        found = {}
        for name, value in (("torch", torch), ("tensorflow", tensorflow)):
            worst = {way: {"float32": value, "float64": value} for way in (*ways, name)}
            found[name] = [{"worst": worst, "unturned": unturned, "finite_differences": slopes}]
        return made_up(found)

    good, one_bad = results(1e-14, 1e-14, 0.5, 1e-14), results(1e-14, 1e-4, 1e-3, 1e-14)
    for part in ("shifts", "fft", "correlation", "backward", "turned"):
        assert verdict(f"shift-multiply-sum/{part}", good) == "holds"
        assert verdict(f"shift-multiply-sum/{part}", one_bad) == "fails"
    for part in ("tensorflow", "tensorflow-float64"):
        assert verdict(f"shift-multiply-sum/{part}", one_bad) == "fails"
    assert verdict("shift-multiply-sum/torch", one_bad) == "holds"
    assert verdict("shift-multiply-sum/backward", results(1e-14, 1e-14, 0.5, 1e-6)) == "fails"


def test_without_turning_the_kernel_convolution_is_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Broken on purpose: the frameworks get the kernel as it is."""
    monkeypatch.setattr(by_hand, "turned", lambda w: w)
    results = measure("torch")
    for part in ("shifts", "torch", "torch-float64"):
        record = convolution_arithmetic.CLAIMS
        (claim,) = [each for each in record if each.id == f"shift-multiply-sum/{part}"]
        variants = made_up({name: [dict(results[0].measurements)] for name in ("torch", "tensorflow")})
        assert claim.measure(variants) > 0.1


def test_without_the_relu_two_filters_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Broken on purpose: nothing between the filters."""
    monkeypatch.setattr(convolution_order, "relu", lambda x: x)
    results = measure("order")
    for part in ("relu-merges-not", "relu-order"):
        assert verdict(f"filters-grow/{part}", results) == "fails"
    assert verdict("filters-grow/border", results) == "holds"


def test_with_one_channel_only_the_order_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convolution_order, "CHANNELS", 1)
    results = measure("order")
    assert verdict("filters-grow/channels-merge", results) == "holds"
    assert verdict("filters-grow/channels-order", results) == "fails"


def test_without_a_stride_in_the_pooling_the_formula_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """Broken on purpose: a formula that forgets the stride."""
    before = receptive_field.by_formula
    monkeypatch.setattr(
        receptive_field, "by_formula", lambda layers: before([receptive_field.Layer(x.name, x.kernel) for x in layers])
    )
    results = measure("field")
    for part in ("receptive-field", "receptive-field-maximum"):
        assert verdict(f"filters-grow/{part}", results) == "fails"


def test_clothes_on_their_side_and_filters_across(monkeypatch: pytest.MonkeyPatch) -> None:
    """Broken on purpose: every picture turned by a right angle, and every Gabor filter too."""
    whole = fashion_mnist.validation()

    def lying() -> Split:
        return Split(np.ascontiguousarray(np.rot90(whole.images, axes=(1, 2))), whole.labels)

    monkeypatch.setattr(fashion_mnist, "validation", lying)
    monkeypatch.setattr(convolution_edges, "gabor", lambda d, *rest: filters.gabor(d + np.pi / 2, *rest))
    results = measure("edges")
    for part in ("sobel-upright", "sobel-level", "gabor"):
        assert verdict(f"extracts-features/{part}", results) == "fails"
