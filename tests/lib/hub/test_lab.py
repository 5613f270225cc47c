"""The hub lab: its claims on made-up results, broken on purpose, and a trial of it, small."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lib.data import fashion_mnist
from lib.harness.contract.drawing import can_draw, style
from lib.harness.contract.results import Results
from lib.harness.contract.seeds import Seed
from lib.harness.contract.settings import Options, configure
from lib.harness.contract.texts import LANGUAGES, Language, language
from lib.harness.contract.trial import Result, Runtime, Trial
from lib.harness.errors import UserError
from lib.harness.judging.verdicts import judge
from lib.harness.recording.recorder import plain
from lib.models import lenet
from lib.tf2.hub import modules
from lib.tf2.hub.claims import CLAIMS, WAYS, accuracies
from lib.tf2.hub.lab import LAB, HubConfig, head, make, whole
from lib.tf2.hub.pictures import SOURCES, few, kinds, moved, task
from tests.lib.decisions import made_up, verdicts
from tests.lib.support import Recording, answers, run_trial

SMALL: dict[str, Any] = {"seeds": 3, "shots": (1, 10), "pictures": 2000, "epochs": 2, "judged": 200, "steps": 30}
CONFIG = HubConfig(**SMALL)
LAYER = {"error": "ValueError: no", "is_keras_3": False, "is_keras_2": True, "deviation": 0.0}
CLOTHES = {
    "module trained on": (0.5, 0.7),
    "frozen module": (0.4, 0.6),
    "frozen random": (0.4, 0.65),
    "pixels": (0.4, 0.65),
    "from scratch": (0.45, 0.7),
}
GOOD = {
    "module trained on": (0.6, 0.8),
    "frozen module": (0.6, 0.75),
    "frozen random": (0.5, 0.65),
    "pixels": (0.5, 0.65),
    "from scratch": (0.4, 0.7),
}


def results(
    ways: dict[str, tuple[float, float]] | None = None,
    jitter: float = 0.005,
    clothes: dict[str, tuple[float, float]] | None = None,
    **changes: Any,
) -> Results:
    """Made-up results, a little different by seed."""
    noise = jitter * np.array([0.0, 1.0, -1.0])
    of_source = {}
    by_source = {"letters": (1, GOOD | (ways or {})), "clothes": (-1, CLOTHES | (clothes or {}))}
    for source, (turn, all_ways) in by_source.items():
        each = [
            {
                way: [v + (turn * noise[seed] if "module" in way else 0) for v in values]
                for way, values in all_ways.items()
            }
            for seed in range(3)
        ]
        right = [{way: [answers(v, 1000) for v in values] for way, values in ways.items()} for ways in each]
        found: dict[str, Any] = {
            "accuracy": np.array(each, dtype=object),
            "right": np.array(right, dtype=object),
            "doors": {"hub.load": 0.0, "TFSMLayer": 0.0},
            "keras_layer": LAYER,
            "moved": 0.01,
            "own_accuracy": 0.8,
            "new_kinds": [str(kind) for kind in range(10 if source == "letters" else 5)],
            "layers": {"module": [0.5, 0.6, 0.7, 0.8], "random": [0.5, 0.6, 0.4, 0.3]},
        }
        of_source[source] = found | changes
    return made_up(CONFIG, of_source)


def test_decisions_on_results_whose_answer_is_known() -> None:
    assert set(verdicts(CLAIMS, results()).values()) == {"holds"}


@pytest.mark.parametrize(
    ("ways", "changes", "failing"),
    [
        ({"module trained on": (0.4, 0.7)}, {}, "reuse-a-module/trained-on-beats-scratch"),
        ({"frozen random": (0.6, 0.75)}, {}, "reuse-a-module/learned-features"),
        ({"pixels": (0.6, 0.75)}, {}, "reuse-a-module/pixels"),
        ({"from scratch": (0.45, 0.6)}, {}, "reuse-a-module/most-with-fewest"),
        ({}, {"clothes": {"frozen module": (0.5, 0.75)}}, "few-kinds-teach-little/no-gain"),
        ({}, {"doors": {"hub.load": 0.1}}, "reuse-a-module/same-features"),
        ({}, {"moved": 0.0}, "reuse-a-module/trains-on"),
        ({}, {"keras_layer": LAYER | {"error": ""}}, "keras-layer-is-keras-2/refused"),
        ({}, {"keras_layer": LAYER | {"deviation": 1.0}}, "keras-layer-is-keras-2/works-there"),
    ],
)
def test_each_claim_fails_where_it_is_wrong(ways: Any, changes: dict[str, Any], failing: str) -> None:
    found = verdicts(CLAIMS, results(ways, **changes))
    assert [name for name, verdict in found.items() if verdict != "holds"] == [failing]


def test_a_module_no_better_than_scratch_or_within_luck() -> None:
    assert verdicts(CLAIMS, results({"frozen module": (0.4, 0.6)}))["reuse-a-module/beats-scratch"] == "fails"
    assert verdicts(CLAIMS, results(jitter=0.2))["reuse-a-module/beats-scratch"] == "inconclusive"


COMPARISONS = [claim.id for claim in CLAIMS if claim.smallest]


def test_sabotage_a_module_that_is_no_better_than_its_peers_leaves_no_comparison() -> None:
    """The treatment removed: every way recognises what the network from scratch does, but for luck."""
    same = dict.fromkeys(GOOD, GOOD["from scratch"])
    broken = verdicts(CLAIMS, results(same, clothes=same))
    assert "holds" not in {broken[name] for name in COMPARISONS}


def test_sabotage_ways_that_are_swapped_refute_the_sentences() -> None:
    swapped = {"from scratch": GOOD["module trained on"], "module trained on": (0.4, 0.7), "frozen module": (0.4, 0.7)}
    better = {"frozen module": (0.7, 0.9)}
    broken = verdicts(CLAIMS, results(swapped, clothes=better))
    assert broken["reuse-a-module/beats-scratch"] == broken["reuse-a-module/trained-on-beats-scratch"] == "fails"
    assert broken["few-kinds-teach-little/no-gain"] == "fails"


def test_what_has_hardly_learned_is_not_compared() -> None:
    poor = dict.fromkeys(GOOD, (0.1, 0.2))
    broken = verdicts(CLAIMS, results(poor, clothes=poor))
    assert {broken[name] for name in COMPARISONS} == {"inconclusive"}
    assert broken["few-kinds-teach-little/no-gain"] == "inconclusive"


def test_a_module_that_has_hardly_learned_is_not_judged() -> None:
    broken = verdicts(CLAIMS, results(own_accuracy=0.3))
    assert {broken[name] for name in COMPARISONS if name.startswith("reuse-a-module")} == {"inconclusive"}


def test_each_row_says_what_came_out() -> None:
    for row in dict.fromkeys(claim.row for claim in CLAIMS):
        assert len({LAB.texts.lesson(row, verdict) for verdict in ("holds", "fails", "inconclusive")} - {None}) == 3
    assert len({*LAB.texts.figures.values()}) == 3, "each row has a picture of its own"


def test_a_penalty_is_chosen_by_the_few_pictures_alone() -> None:
    """Features of which one tells the kinds apart and 60 are noise: a weak penalty learns the noise by heart."""
    rng = np.random.default_rng(0)
    labels, answers = np.repeat(np.arange(2), 10), rng.integers(2, size=500)

    def features(kinds: np.ndarray) -> np.ndarray:
        noise = rng.normal(size=(len(kinds), 61))
        noise[:, 0] += 3.0 * kinds
        return noise

    few_features, tested = features(labels), features(answers)
    right = head((few_features, labels), (tested, answers))
    assert right.mean() > 0.6
    assert np.array_equal(right, head((few_features, labels), (tested, answers)))
    single = [int(np.flatnonzero(labels == kind)[0]) for kind in (0, 1)]
    assert head((few_features[single], labels[single]), (tested, answers)).shape == (500,)


def test_test_pictures_choose_nothing() -> None:
    """Whatever the answers of the test pictures are, the same are given."""
    rng = np.random.default_rng(1)
    labels = np.repeat(np.arange(3), 5)
    features, tested = rng.normal(size=(15, 8)), rng.normal(size=(60, 8))
    given = np.stack([head((features, labels), (tested, np.full(60, kind))) for kind in range(3)])
    assert (given.sum(axis=0) == 1).all(), "each picture has exactly one answer, whichever is right"


def test_more_pictures_go_on_from_fewer() -> None:
    images, labels = np.arange(60)[:, None, None] * np.ones((1, 28, 28)), np.arange(60) % 3
    two, four = (few((images, labels), shots, Seed(3)) for shots in (2, 4))
    assert two[1].tolist() == [0, 0, 1, 1, 2, 2] and four[1].tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert {*two[0][:, 0, 0]} < {*four[0][:, 0, 0]}


def test_pictures_are_moved_by_up_to_two_pixels_and_nothing_else() -> None:
    image = np.zeros((28, 28))
    image[10, 12] = 1
    copies = moved(np.repeat(image[None], 500, axis=0), np.random.default_rng(0))
    where = np.argwhere(copies)[:, 1:]
    assert len(where) == 500 and copies.sum() == 500
    assert {tuple(place) for place in where} == {(10 + i, 12 + j) for i in range(-2, 3) for j in range(-2, 3)}


def test_with_a_module_from_elsewhere_what_cannot_be_compared_is_not_measured() -> None:
    found = results()
    for result in found:
        for name in ("doors", "keras_layer", "layers", "own_accuracy"):
            del result.measurements[name]  # type: ignore[attr-defined]
    verdict = verdicts(CLAIMS, found)
    assert verdict["reuse-a-module/beats-scratch"] == "holds"
    assert verdict["reuse-a-module/same-features"] == verdict["keras-layer-is-keras-2/refused"] == "not measured"
    few = (f"few-kinds-teach-little/{part}" for part in ("no-gain", "letters-gain-more"))
    assert {verdict[name] for name in few} == {"not measured"}, "who knows what it has seen?"


def test_kinds_are_picked_and_numbered() -> None:
    images, labels = kinds(fashion_mnist.validation(), [7, 2])
    all_labels = fashion_mnist.validation().labels
    assert len(images) == np.isin(all_labels, [2, 7]).sum()
    assert (labels == 0).sum() == (all_labels == 7).sum()


def test_few_letters_teach_no_more_than_few_clothes() -> None:
    poor = {"frozen module": (0.3, 0.6)}
    assert verdicts(CLAIMS, results(poor))["few-kinds-teach-little/letters-gain-more"] == "fails"


def test_a_module_sees_nothing_of_what_it_is_reused_for() -> None:
    clothes = task("clothes", 500, 100, 300, Seed(0))
    seen, new = ({picture.tobytes() for picture in part[0]} for part in (clothes.seen, clothes.pool))
    assert len(seen) == 500 and not seen & new
    letters = task("letters", 2000, 100, 5000, Seed(0))
    assert len(letters.seen[0]) == 2000 and set(letters.pool[1]) == set(range(10))
    for part in (letters, clothes):
        shown = {picture.tobytes() for picture in part.pool[0]}
        assert not any(picture.tobytes() in shown for picture in part.test[0][:200])


@pytest.fixture(scope="module")
def small() -> Results:
    log = Recording()
    many = {"pictures": 8000, "epochs": 3}  # of letters there are many kinds
    configs = {"letters": HubConfig(**SMALL | many), "clothes": HubConfig(**SMALL, source="clothes")}
    found = [run_trial(LAB, Trial(source, configs[source], 0, Runtime("keras")), log) for source in SOURCES]
    shapes = {name: array.shape for name, array in log.final.items()}
    assert shapes["conv1.kernel"] == (5, 5, 1, 6) and shapes["head.kernel"] == (84, 5)
    return Results(found)


@pytest.mark.slow
def test_a_trial(small: Results) -> None:
    for source, count, own in (("letters", 10, 0.2), ("clothes", 5, 0.7)):
        found = small.of(source)[0].measurements
        assert len(set(found["new_kinds"])) == count
        assert found["own_accuracy"] > own
        assert max(found["doors"].values()) < 1e-5 and found["moved"] > 0
        ways = {way: accuracies(small, source, way)[0] for way in found["accuracy"]}
        assert all(values[1] > 0.35 for values in ways.values())
        assert found["accuracy"].keys() == ways.keys() == {*WAYS}
        assert found["layers"]["module"][-1] == pytest.approx(ways["frozen module"][-1], abs=0.05)
        assert found["layers"]["random"][1] == pytest.approx(ways["frozen random"][-1], abs=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("code", [code for code in LANGUAGES if can_draw(code)])
@pytest.mark.parametrize("name", LAB.figures)
def test_figures(small: Results, name: str, code: Language) -> None:
    with language(code), style():
        figure = LAB.figures[name](small, CONFIG)
        figure.draw_without_rendering()
        assert all(axis.has_data() or axis.texts for axis in figure.axes)


@pytest.mark.slow
def test_a_module_that_has_learned_nothing_gains_nothing(tmp_path: Path) -> None:
    """Broken on purpose: random weights in the module's place, given by its folder."""
    modules.export_features(lenet.keras_lenet(lenet.initial_weights(Seed(5))), "dense2", str(tmp_path))
    config = HubConfig(**SMALL | {"module": str(tmp_path), "shots": (2, 10), "steps": 5})
    found = Results([run_trial(LAB, Trial("letters", config, seed, Runtime("keras"))) for seed in range(2)])
    assert accuracies(found, "letters", "frozen module").mean() < accuracies(found, "letters", "frozen random").mean()
    assert "doors" not in found[0].measurements
    assert verdicts(CLAIMS, found)["reuse-a-module/learned-features"] != "holds"


@pytest.mark.slow
@pytest.mark.parametrize("root", range(1, 21))
def test_exact_claims_hold_for_every_root_seed(root: int, tmp_path: Path) -> None:
    """The doors of a module that has hardly learned, and one step of training on: nothing else is read."""
    config, seed = HubConfig(pictures=500, epochs=1, steps=1), Seed(root).child("trial", 0)
    pictures = task("letters", config.pictures, 100, 100, seed)
    _, measured = make(config, seed, Recording(), pictures, str(tmp_path))
    given = few(pictures.pool, 1, seed)
    measured["moved"] = whole(config, seed, modules.load(str(tmp_path)), given, pictures.test)[1]
    found = Results([Result(Trial("letters", config, 0), "letters", "FINISHED", plain(measured))])
    exact = [claim for claim in CLAIMS if claim.kind == "exact"]
    assert len(exact) == 4
    assert {judge(claim, found, "hub")["verdict"] for claim in exact} == {"holds"}


@pytest.mark.parametrize("change", ["shots=[1]", "pictures=10", "signature=", "epochs=0", "picture_size=10"])
def test_a_bad_setting_is_one_line_that_names_it(change: str) -> None:
    with pytest.raises(UserError) as caught:
        configure(LAB, Options(changes=[change]))
    assert "\n" not in str(caught.value) and change.split("=", maxsplit=1)[0] in str(caught.value)
