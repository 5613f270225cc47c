"""The rnn lab: its claims on made-up results, broken on purpose, and real trials of small settings."""

from typing import Any

import numpy as np
import pytest

from lib.harness.contract.claim import InconclusiveError
from lib.harness.contract.results import Results
from lib.harness.contract.seeds import Seed
from lib.harness.contract.settings import Options, configure
from lib.harness.contract.trial import Result, Runtime, Trial
from lib.harness.errors import UserError
from lib.harness.judging.verdicts import judge
from lib.nlp.rnn import lags as rnn_lags
from lib.nlp.rnn import text as rnn_text
from lib.nlp.rnn.cells import UNITS, Reader
from lib.nlp.rnn.claims import CLAIMS, LAG, doublings
from lib.nlp.rnn.lab import CONTEXTS, LAB, LAGS, RnnConfig, starts
from tests.lib.overfitting.support import run_variants, verdicts
from tests.lib.support import Recording, assert_drawn, run_trial

CONFIG = RnnConfig(seeds=5, start_seeds=5)
JITTER = np.array([0.0, 0.01, -0.01, 0.02, -0.02, 0.005])
VARIANCE = rnn_lags.torch_input_variance(CONFIG.inputs, CONFIG.units)
FACTORS = {
    **dict.fromkeys(starts(CONFIG), 0.8),
    **{f"orthogonal {g:g}": rnn_lags.theory(g, VARIANCE) for g in CONFIG.radii},
    "rnn": 0.56,
    "normal 3": 1.4,
    "lstm 0": 0.95,
    "gru 0": 0.95,
    "lstm 1": 0.95,
}
"""Per step, as the lecture's sentences would have it."""
EXACT = {"output_deviation": 1e-15, "gradient_deviation": 1e-13, "difference_deviation": 1e-9}
REACHES = {"rnn": 5, "rnn orthogonal": 20, "lstm forget 1": 20, "gru": 20}


def powers(factor: float, shift: float = 0.0) -> list[float]:
    return [1.0, *(10**shift * factor ** np.arange(1, LAGS))]


def made_up(
    factors: dict[str, float] | None = None,
    exact: dict[str, float] | None = None,
    reaches: dict[str, int] | None = None,
    text: dict[str, float] | None = None,
) -> Results:
    """Results whose claims all hold, but for what is given; a little different by seed."""
    of_start = FACTORS | (factors or {})
    results = []

    def add(variant: str, seed: int, measurements: dict[str, Any]) -> None:
        results.append(Result(Trial(variant, CONFIG, seed), variant, "FINISHED", measurements))

    for seed, shift in enumerate(JITTER):
        gradients = {name: powers(factor, shift) for name, factor in of_start.items()}
        steps = {name: factor + shift / 10 for name, factor in of_start.items()}
        add("start", seed, {"gradient": gradients, "factor": steps, **EXACT, **(exact or {})})
        for task in CONFIG.tasks:
            for network, reach in (REACHES | (reaches or {})).items():
                far = 20 if task == "copy" and network == "rnn" and not reaches else reach
                tried = [d for d in CONFIG.distances if d <= 2 * far]
                scores = [1.0 if d <= far else 0.5 for d in tried]
                add(f"{task}/{network}", seed, {"reach": far, "tried": tried, "scores": scores})
        for network, factor in ({"rnn": 0.6, "lstm forget 1": 0.8, "gru": 0.8} | (text or {})).items():
            losses = list(np.linspace(2, 1.5, len(CONTEXTS)) + shift)
            gradient = {"before": powers(0.5, shift), "gradient": powers(factor, shift * factor)}
            add(f"text/{network}", seed, {**gradient, "contexts": CONTEXTS, "losses": losses})
    return Results(results)


def test_decisions_on_results_whose_answer_is_known() -> None:
    assert set(verdicts(CLAIMS, made_up()).values()) == {"holds"}


@pytest.mark.parametrize(
    ("changes", "failing"),
    [
        ({"exact": {"output_deviation": 1e-8}}, "bptt-vanishes/chain-rule"),
        ({"exact": {"gradient_deviation": 1e-8}}, "bptt-vanishes/chain-rule"),
        ({"exact": {"difference_deviation": 1e-3}}, "bptt-vanishes/differences"),
        ({"factors": {"rnn": 0.9}}, "bptt-vanishes/at-start"),
        ({"factors": {"rnn": 0.9}}, "bptt-vanishes/factor"),
        ({"factors": {"rnn": 0.3}}, "bptt-vanishes/factor"),
        ({"text": {"rnn": 0.9}}, "bptt-vanishes/after-learning"),
        ({"factors": {"orthogonal 1": 0.6}}, "not-every-start/orthogonal"),
        ({"factors": {"orthogonal 1": 0.6}}, "not-every-start/theory"),
        ({"factors": {"normal 3": 1.0}}, "not-every-start/explodes"),
        ({"factors": {"lstm 0": 0.63}}, "gates-keep-it/lstm"),
        ({"factors": {"gru 0": 0.63}}, "gates-keep-it/gru"),
        ({"factors": {"lstm 1": 0.63}}, "gates-keep-it/forget-bias"),
        ({"text": {"lstm forget 1": 0.5}}, "gates-keep-it/text-lstm"),
        ({"text": {"gru": 0.5}}, "gates-keep-it/text-gru"),
        ({"reaches": {"lstm forget 1": 5}}, "learns-far/lstm"),
        ({"reaches": {"gru": 5}}, "learns-far/gru"),
        ({"reaches": {"rnn orthogonal": 5}}, "learns-far/orthogonal"),
        ({"reaches": {"rnn": 10}}, "undisturbed-is-easy"),
    ],
)
def test_each_claim_fails_where_it_is_wrong(changes: dict[str, Any], failing: str) -> None:
    assert verdicts(CLAIMS, made_up(**changes))[failing] == "fails"


def test_an_effect_within_the_seeds_luck_is_inconclusive() -> None:
    on_the_edge = 10 ** (-2 / LAG)
    assert verdicts(CLAIMS, made_up({"lstm 1": on_the_edge}))["gates-keep-it/forget-bias"] == "inconclusive"


def test_doublings_count_from_half_the_shortest_distance() -> None:
    results = made_up(reaches={"rnn": 0, "gru": 20, "lstm forget 1": 0})
    np.testing.assert_allclose(doublings("adding", "gru")(results), np.log2(20 / 2.5))
    with pytest.raises(InconclusiveError, match="neither network has learned"):
        doublings("adding", "lstm forget 1")(results)


SMALL: dict[str, Any] = {
    "seeds": 1,
    "start_seeds": 3,
    "text_seeds": 2,
    "distances": (2, 3),
    "training_steps": 25,
    "text_steps": 3,
    "tasks": ("copy",),
    "networks": ("rnn", "gru"),
    "text_networks": ("rnn",),
}


def test_starts_as_measured() -> None:
    """What theory and three seeds agree on: the vanilla network and half open gates lose it, an open gate does not."""
    results = run_variants(LAB, RnnConfig(**SMALL), ("start",))
    found = {claim.id: judge(claim, results, "rnn")["verdict"] for claim in CLAIMS}
    for name in ("bptt-vanishes/chain-rule", "bptt-vanishes/differences", "bptt-vanishes/at-start"):
        assert found[name] == "holds"
    assert found["not-every-start/orthogonal"] == found["not-every-start/explodes"] == "holds"
    assert found["gates-keep-it/lstm"] == found["gates-keep-it/gru"] == "fails"


def test_without_the_bias_the_open_gate_keeps_nothing() -> None:
    """Broken on purpose: every LSTM starts half open."""
    config = RnnConfig(**SMALL)
    results = run_variants(LAB, config, ("start",))
    for result in results:
        result.measurements["gradient"]["lstm 1"] = result.measurements["gradient"]["lstm 0"]
    assert verdicts(CLAIMS, results)["gates-keep-it/forget-bias"] == "fails"


def test_a_short_distance_is_learned_and_wrong_answers_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    config = RnnConfig(**SMALL | {"training_steps": 100, "distances": (2,)}, task="copy")
    trial = Trial("copy/rnn", config, 0, Runtime("torch"), "learn")
    assert run_trial(LAB, trial).measurements["reach"] == 2
    from lib.nlp.rnn import tasks as rnn_tasks

    draw = rnn_tasks.draw

    def shuffled(task: rnn_tasks.Task, distance: int, batch: int, rng: np.random.Generator) -> Any:
        X, targets = draw(task, distance, batch, rng)
        return X, rng.permutation(targets)

    monkeypatch.setattr(rnn_tasks, "draw", shuffled)
    broken = run_trial(LAB, trial).measurements
    assert broken["reach"] == 0 and abs(broken["scores"][0] - 1 / 8) < 0.06


def test_a_trial_repeats_and_reports_its_own_parameters() -> None:
    import torch

    from lib.nlp.rnn import tasks as rnn_tasks

    config = RnnConfig(**SMALL, task="copy", network="gru")
    logs = [Recording(), Recording()]
    trial = Trial("copy/gru", config, 0, Runtime("torch"), "learn")
    first, second = (run_trial(LAB, trial, log).measurements for log in logs)
    assert first == second
    for name, array in logs[0].final.items():
        assert np.array_equal(array, logs[1].final[name])
    distance = first["tried"][-1]
    seed = Seed(0).child("trial", 0).child("copy", distance)
    reader = Reader("gru", 10, UNITS["gru"], 8, Seed(9))
    for part in ("cells", "answer"):
        state = {n.partition(".")[2]: torch.from_numpy(a) for n, a in logs[0].final.items() if n.startswith(part)}
        getattr(reader, part).load_state_dict(state)
    X, targets = rnn_tasks.draw("copy", distance, 1000, seed.rng("test"))
    with torch.no_grad():
        assert rnn_tasks.score("copy", reader(torch.from_numpy(X)).numpy(), targets) == first["scores"][-1]


def test_text_as_numbers_and_crops() -> None:
    from lib.data import austen

    text, characters = rnn_text.symbols("train")
    assert len(text) == len(austen.train()) and text.max() == characters - 2
    known = sorted(set(austen.train()))
    assert "".join(known[i] for i in text[5000:5100]) == austen.train()[5000:5100]
    pieces = rnn_text.crops(text[:50], 50, 3, np.random.default_rng(0))
    assert np.array_equal(pieces, np.repeat(text[:50, None], 3, axis=1))


def test_the_untrained_text_model_guesses() -> None:
    """Its loss is near ln of the number of characters; what it says of a character depends on those before it."""
    text, characters = rnn_text.symbols("train")
    model = rnn_text.CharacterModel("gru", 20, characters, Seed(0))
    pieces = rnn_text.crops(text, 21, 200, np.random.default_rng(0))
    assert model.loss(pieces).item() == pytest.approx(np.log(characters), rel=0.05)
    whole = model.last_losses(pieces, 20)
    assert whole.shape == (200,) and model.gradient(pieces).shape == (20, 200, rnn_text.EMBEDDING)
    assert not np.allclose(whole, model.last_losses(pieces, 1))


def test_a_text_trial_learns() -> None:
    config = RnnConfig(**SMALL | {"text_steps": 25})
    found = run_trial(LAB, Trial("text/rnn", config, 0, Runtime("torch"), "text")).measurements
    assert found["losses"][-1] < 3.2 < np.log(70)
    assert len(found["gradient"]) == LAGS and found["gradient"][0] == 1


def test_the_study_asks_for_every_trial_once() -> None:
    trials = [trial for batch in LAB.begin(RnnConfig(seeds=2, start_seeds=3, text_seeds=1), 0) for trial in batch]
    names = [(trial.variant, trial.seed) for trial in trials]
    assert len(names) == len(set(names)) == 2 * 2 * 4 + 3 + 3
    assert {t.runtime.dtype for t in trials if t.variant == "start"} == {"float64"}


def test_pictures() -> None:
    assert_drawn(LAB, made_up(), CONFIG)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("distances=[]", "distances"),
        ("distances=[0]", "distances"),
        ("learned=1", "learned"),
        ('networks=["transformer"]', "networks"),
        ("text_length=10", "text_length"),
        ("units=1", "units"),
        ("width=3", "no field 'width'"),
    ],
)
def test_a_bad_config_is_one_line(change: str, words: str) -> None:
    with pytest.raises(UserError) as error:
        configure(LAB, Options(changes=[change]))
    assert words in str(error.value) and "\n" not in str(error.value)
