"""The rnn lab: its claims on made-up results, broken on purpose, and real trials of small settings."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lib.harness.contract.claim import InconclusiveError
from lib.harness.contract.results import Results
from lib.harness.contract.seeds import Seed
from lib.harness.contract.settings import Options, configure
from lib.harness.contract.studies import grid_seed, in_grid
from lib.harness.contract.trial import Result, Runtime, Trial
from lib.harness.errors import UserError
from lib.harness.judging.verdicts import judge
from lib.nlp.rnn import lags as rnn_lags
from lib.nlp.rnn import text as rnn_text
from lib.nlp.rnn.cells import UNITS, Reader
from lib.nlp.rnn.claims import CLAIMS, LAG, SEARCHED, doublings, sooner, steps_at
from lib.nlp.rnn.lab import CONTEXTS, LAB, LAGS, RnnConfig, starts
from tests.lib.decisions import verdicts
from tests.lib.exact_claims import turning
from tests.lib.support import Recording, assert_drawn, run_study, run_trial

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
    "lstm chrono": 0.95,
    "gru chrono": 0.95,
}
"""Per step, as the lecture's sentences would have it."""
EXACT = {"output_deviation": 1e-15, "gradient_deviation": 1e-13, "difference_deviation": 1e-9}
REACHES = {"rnn": 10, "rnn orthogonal": 40, "lstm": 10, "lstm chrono": 80, "gru chrono": 80}


def powers(factor: float, shift: float = 0.0) -> list[float]:
    return [1.0, *(10**shift * factor ** np.arange(1, LAGS))]


def learned_up_to(reach: int, steps: int = 100) -> dict[str, Any]:
    """What a network measures that learns each distance within as many steps, up to its reach."""
    tried = [d for d in CONFIG.distances if d <= max(2 * reach, CONFIG.distances[0])]
    learned = [d <= reach for d in tried]
    taken = [steps if done else CONFIG.training_steps for done in learned]
    scores = [1.0 if done else 0.5 for done in learned]
    return {"tried": tried, "learned": learned, "steps": taken, "scores": scores, "reach": reach}


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
            of_task = REACHES if task == "adding" else {"rnn": REACHES["rnn"]}
            for network, reach in (of_task | {n: r for n, r in (reaches or {}).items() if n in of_task}).items():
                far = 20 if task == "copy" and network == "rnn" and not reaches else reach
                add(f"{task}/{network}", seed, learned_up_to(far))
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
        ({"factors": {"lstm chrono": 0.63}}, "gates-keep-it/chrono-lstm"),
        ({"factors": {"gru chrono": 0.63}}, "gates-keep-it/chrono-gru"),
        ({"reaches": {"lstm chrono": 10}}, "learns-far/lstm"),
        ({"reaches": {"gru chrono": 10}}, "learns-far/gru"),
        ({"reaches": {"rnn orthogonal": 10}}, "learns-far/orthogonal"),
        ({"reaches": {"lstm": 80}}, "learns-far/other-start"),
        ({"reaches": {"rnn": 20}}, "learns-far/sooner-lstm"),
        ({"reaches": {"rnn": 20}}, "learns-far/sooner-gru"),
        ({"reaches": {"rnn": 10}}, "undisturbed-is-easy"),
    ],
)
def test_each_claim_fails_where_it_is_wrong(changes: dict[str, Any], failing: str) -> None:
    assert verdicts(CLAIMS, made_up(**changes))[failing] == "fails"


def test_an_effect_within_the_seeds_luck_is_inconclusive() -> None:
    on_the_edge = 10 ** (-2 / LAG)
    assert verdicts(CLAIMS, made_up({"lstm 1": on_the_edge}))["gates-keep-it/forget-bias"] == "inconclusive"


def test_doublings_count_from_half_the_shortest_distance() -> None:
    results = made_up(reaches={"rnn": 0, "gru chrono": 20, "lstm chrono": 0})
    np.testing.assert_allclose(doublings("adding", "gru chrono")(results), np.log2(20 / 5))
    with pytest.raises(InconclusiveError, match="neither network has learned"):
        doublings("adding", "lstm chrono")(results)


def test_steps_are_infinite_where_a_distance_was_not_learned_or_not_tried() -> None:
    results = made_up()
    assert steps_at(results, "adding/rnn", 10).values.tolist() == [100.0] * len(JITTER)
    assert np.isinf(steps_at(results, "adding/rnn", 20).values).all()  # tried in vain
    assert np.isinf(steps_at(results, "adding/rnn", 80).values).all()  # not tried
    with pytest.raises(InconclusiveError, match="over 30 steps"):
        steps_at(results, "adding/rnn", 30)


@pytest.mark.parametrize(
    ("vanilla", "gated", "ratio"), [(10, 80, np.inf), (80, 10, 0.0), (80, 80, 1.0)], ids=["gated", "vanilla", "both"]
)
def test_the_ratio_of_steps_says_who_alone_learns(vanilla: int, gated: int, ratio: float) -> None:
    results = made_up(reaches={"rnn": vanilla, "gru chrono": gated})
    assert sooner("gru chrono")(results).values.tolist() == [ratio] * len(JITTER)


def test_nobody_is_sooner_where_nobody_learns() -> None:
    results = made_up(reaches={"rnn": 10, "gru chrono": 10})
    with pytest.raises(InconclusiveError, match=f"has learned {SEARCHED} steps"):
        sooner("gru chrono")(results)


COMPARISONS = [claim.id for claim in CLAIMS if claim.smallest]


def test_sabotage_networks_that_are_all_the_vanilla_one_leave_no_comparison() -> None:
    """The treatment removed: every network, at its start, on the tasks and on text, is the vanilla one."""
    results = made_up()
    for result in results:
        found: Any = result.measurements
        if result.trial.variant == "start":
            for part in ("gradient", "factor"):
                found[part] = dict.fromkeys(found[part], found[part]["rnn"])
        else:
            task = result.trial.variant.split("/")[0]
            found.update(results.of(f"{task}/rnn")[result.trial.seed].measurements)
    broken = verdicts(CLAIMS, results)
    assert "holds" not in {broken[name] for name in COMPARISONS}
    assert {broken[f"gates-keep-it/{part}"] for part in ("lstm", "gru", "forget-bias", "chrono-lstm")} == {"fails"}


def test_sabotage_arms_that_are_swapped_refute_the_sentences() -> None:
    swapped = {"rnn": 80, "lstm chrono": 10, "gru chrono": 10}
    factors = {"rnn": 0.95, "orthogonal 1": 0.56, "lstm 0": 0.56, "gru 0": 0.56}
    text = {"rnn": 0.9, "lstm forget 1": 0.6, "gru": 0.6}
    broken = verdicts(CLAIMS, made_up(factors, reaches=swapped, text=text))
    for row, parts in {
        "bptt-vanishes": ("at-start", "after-learning"),
        "not-every-start": ("orthogonal",),
        "gates-keep-it": ("lstm", "gru", "text-lstm", "text-gru"),
        "learns-far": ("lstm", "gru"),
    }.items():
        assert {broken[f"{row}/{part}"] for part in parts} == {"fails"}, row


SMALL: dict[str, Any] = {
    "seeds": 1,
    "start_seeds": 3,
    "text_seeds": 2,
    "distances": (2, 3),
    "training_steps": 25,
    "learning_rates": (1e-2,),
    "batch_size": 32,
    "text_steps": 3,
    "tasks": ("copy",),
    "networks": ("rnn", "gru chrono"),
    "text_networks": ("rnn",),
}


def answered(trial: Trial) -> Result:
    """As if it had been trained: each network learns soonest at a rate of its own."""
    config: Any = trial.config
    best = {"rnn": 1e-3, "gru chrono": 1e-2}.get(config.network, 3e-3)
    steps = 100 if config.learning_rate == best else 200
    found = {"tried": [SEARCHED], "learned": [True], "steps": [steps], "scores": [1.0], "reach": SEARCHED}
    return Result(trial, trial.variant, "FINISHED", found)


def real_starts() -> Results:
    """The study with its starts as they are, and the trainings made up."""
    run = {"start": lambda trial: run_trial(LAB, trial)}
    return run_study(LAB, RnnConfig(**SMALL), lambda trial: run.get(trial.variant, answered)(trial))


def test_starts_as_measured() -> None:
    """What theory and three seeds agree on: the vanilla network and half open gates lose it, an open gate does not."""
    results = real_starts()
    found = {claim.id: judge(claim, results, "rnn")["verdict"] for claim in CLAIMS}
    for name in ("bptt-vanishes/chain-rule", "bptt-vanishes/differences", "bptt-vanishes/at-start"):
        assert found[name] == "holds"
    assert found["not-every-start/orthogonal"] == found["not-every-start/explodes"] == "holds"
    assert found["gates-keep-it/lstm"] == found["gates-keep-it/gru"] == "fails"
    assert found["gates-keep-it/chrono-lstm"] == found["gates-keep-it/chrono-gru"] == "holds"


def test_without_the_bias_the_open_gate_keeps_nothing() -> None:
    """Broken on purpose: every LSTM starts half open."""
    results = real_starts()
    for result in results.of("start"):
        result.measurements["gradient"]["lstm 1"] = result.measurements["gradient"]["lstm 0"]
    assert verdicts(CLAIMS, results)["gates-keep-it/forget-bias"] == "fails"


def test_a_short_distance_is_learned_and_wrong_answers_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    config = RnnConfig(**SMALL | {"training_steps": 100, "distances": (2,)}, task="copy", learning_rate=1e-2)
    trial = Trial("copy/rnn", config, 0, Runtime("torch"), "learn")
    found = run_trial(LAB, trial).measurements
    assert found["reach"] == 2 and found["learned"] == [True] and found["steps"][0] < 100
    from lib.nlp.rnn import tasks as rnn_tasks

    draw = rnn_tasks.draw

    def shuffled(task: rnn_tasks.Task, distance: int, batch: int, rng: np.random.Generator) -> Any:
        X, targets = draw(task, distance, batch, rng)
        return X, rng.permutation(targets)

    monkeypatch.setattr(rnn_tasks, "draw", shuffled)
    broken = run_trial(LAB, trial).measurements
    assert broken["reach"] == 0 and broken["steps"] == [100] and abs(broken["scores"][0] - 1 / 8) < 0.06


def test_a_trial_repeats_and_reports_its_own_parameters() -> None:
    import torch

    from lib.nlp.rnn import tasks as rnn_tasks

    config = RnnConfig(**SMALL, task="copy", network="gru chrono")
    logs = [Recording(), Recording()]
    trial = Trial("copy/gru chrono", config, 0, Runtime("torch"), "learn")
    first, second = (run_trial(LAB, trial, log).measurements for log in logs)
    assert first == second
    for name, array in logs[0].final.items():
        assert np.array_equal(array, logs[1].final[name])
    distance = first["tried"][-1]
    seed = Seed(0).child("trial", 0).child("copy", distance)
    reader = Reader("gru chrono", 10, UNITS["gru chrono"], 8, Seed(9), memory=2)
    for part in ("cells", "answer"):
        state = {n.partition(".")[2]: torch.from_numpy(a) for n, a in logs[0].final.items() if n.startswith(part)}
        getattr(reader, part).load_state_dict(state)
    X, targets = rnn_tasks.draw("copy", distance, 500, seed.rng("validation"))
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


def test_each_network_is_trained_with_the_rate_that_seeds_apart_have_chosen() -> None:
    config = RnnConfig(seeds=2, start_seeds=3, text_seeds=1)
    trials = [result.trial for result in run_study(LAB, config, answered)]
    names = [(trial.variant, trial.seed) for trial in trials]
    assert len(names) == len(set(names)) == 3 + 3 + (5 + 1) * (3 * 3 + 2)
    assert {t.runtime.dtype for t in trials if t.variant == "start"} == {"float64"}
    rates: dict[str, set[float]] = {}
    for trial in trials:
        changes: Any = trial.config
        if in_grid(trial):
            assert trial.seed in map(grid_seed, range(3)) and changes.distances == (SEARCHED,)
        elif trial.function == "learn":
            rates.setdefault(changes.network, set()).add(changes.learning_rate)
    assert rates["rnn"] == {1e-3} and rates["gru chrono"] == {1e-2} and rates["lstm"] == {3e-3}


def test_of_rates_that_learn_nothing_the_one_with_the_best_score_is_taken() -> None:
    def failed(trial: Trial) -> Result:
        result = answered(trial)
        scores = [0.5 if trial.config.model_dump()["learning_rate"] == 3e-3 else 0.4]
        return replace(result, measurements={**result.measurements, "learned": [False], "scores": scores})

    trials = [result.trial for result in run_study(LAB, RnnConfig(seeds=1, start_seeds=1, text_seeds=1), failed)]
    rates = {t.config.model_dump()["learning_rate"] for t in trials if t.function == "learn" and not in_grid(t)}
    assert rates == {3e-3}


def test_a_rate_that_is_lucky_once_is_not_taken() -> None:
    """At 1e-2 one start of three learns at once and the others never; at 3e-3 all do in good time."""

    def lucky(trial: Trial) -> Result:
        result, config = answered(trial), trial.config.model_dump()
        learned = config["learning_rate"] != 1e-2 or trial.seed == grid_seed()
        steps = {1e-3: 200, 3e-3: 150, 1e-2: 25 if learned else config["training_steps"]}[config["learning_rate"]]
        return replace(result, measurements={**result.measurements, "learned": [learned], "steps": [steps]})

    for seeds, rate in ((1, 1e-2), (3, 3e-3)):
        config = RnnConfig(seeds=1, grid_seeds=seeds, start_seeds=1, text_seeds=1)
        trials = [result.trial for result in run_study(LAB, config, lucky)]
        assert {t.config.model_dump()["learning_rate"] for t in trials if t.variant.startswith("adding/")} == {rate}


def test_a_network_that_diverges_at_every_rate_is_trained_at_the_lowest() -> None:
    def diverged(trial: Trial) -> Result:
        result = answered(trial)
        if trial.config.model_dump()["network"] != "rnn":
            return result
        return replace(result, measurements={**result.measurements, "learned": [False], "scores": [float("nan")]})

    config = RnnConfig(seeds=1, start_seeds=1, text_seeds=1, learning_rates=(1e-2, 1e-3))
    trials = [result.trial for result in run_study(LAB, config, diverged)]
    rates = {t.variant: t.config.model_dump()["learning_rate"] for t in trials if not in_grid(t)}
    assert (rates["adding/rnn"], rates["copy/rnn"], rates["adding/gru chrono"]) == (1e-3, 1e-3, 1e-2)


@pytest.mark.slow
def test_exact_claims_have_one_verdict_for_twenty_root_seeds() -> None:
    """The identities of back-propagation through time, of the one start that each root seed gives."""
    assert turning(LAB, RnnConfig(start_seeds=1, radii=(1.0,), biases=(0.0,)), ("start",)) == []


def test_each_row_says_what_came_out() -> None:
    rows = {claim.row for claim in CLAIMS}
    for row in rows:
        assert len({LAB.texts.lesson(row, verdict) for verdict in ("holds", "fails", "inconclusive")} - {None}) == 3
    assert len({*LAB.texts.figures.values()}) == len(rows), "each row has a picture of its own"


def test_what_has_hardly_learned_is_not_judged() -> None:
    results = made_up(reaches=dict.fromkeys(REACHES, 0))
    for result in results:
        if result.trial.variant.startswith("text/"):
            result.measurements["losses"][:] = [2.0] * len(CONTEXTS)
    of_training = ("bptt-vanishes/after-learning", "gates-keep-it/text", "learns-far", "undisturbed")
    broken = {verdict for name, verdict in verdicts(CLAIMS, results).items() if name.startswith(of_training)}
    assert broken == {"inconclusive"}


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
