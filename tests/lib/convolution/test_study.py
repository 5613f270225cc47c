"""The study, the config and the pictures."""

import numpy as np
import pytest
from pydantic import ValidationError

from lib.cnn.convolution.config import ConvolutionConfig
from lib.cnn.convolution.lab import LAB
from lib.data import photographs
from lib.harness.contract.drawing import can_draw, style
from lib.harness.contract.results import Results
from lib.harness.contract.settings import Options, configure
from lib.harness.contract.texts import LANGUAGES, Language, language
from lib.harness.contract.trial import Result, Trial
from lib.harness.errors import UserError
from tests.lib.convolution.support import SMALL
from tests.lib.support import Recording, run_study, run_trial

BEST = {"cnn": 1e-3, "cnn-shuffled": 3e-4, "mlp": 1e-2}


def answer(trial: Trial) -> Result:
    """A result as a trial of a grid gives it, with a best rate and depth that depend on the arm."""
    config = trial.config
    assert isinstance(config, ConvolutionConfig)
    found = {}
    if trial.function == "grid":
        found = {"validation_loss": abs(np.log(config.learning_rate / BEST[config.arm])) + 0.1 * len(config.hidden)}
    return Result(trial, trial.variant, "FINISHED", found)


def asked(config: ConvolutionConfig) -> list[Trial]:
    return [result.trial for result in run_study(LAB, config, answer)]


def test_the_study_asks_the_same_whatever_the_batch() -> None:
    whole, small = (asked(ConvolutionConfig(batch=batch)) for batch in (1_024, 5))
    assert [(t.variant, t.seed) for t in whole] == [(t.variant, t.seed) for t in small]


def test_finals_have_what_their_grids_chose_and_every_seed() -> None:
    trials = asked(ConvolutionConfig(seeds=3))
    for arm in ("cnn", "mlp", "cnn-shuffled", "mlp-shuffled"):
        found = [t for t in trials if t.variant == f"training/{arm}"]
        assert [t.seed for t in found] == [0, 1, 2]
        for trial in found:
            config = trial.config
            assert isinstance(config, ConvolutionConfig)
            assert (config.arm, trial.function) == (arm, "final")
            assert config.learning_rate == BEST["mlp" if arm.startswith("mlp") else arm]
            assert config.hidden == ((78,) if arm.startswith("mlp") else ())


def test_a_grid_that_failed_leaves_its_rate_out() -> None:
    def fail(trial: Trial) -> Result:
        result = answer(trial)
        return Result(trial, result.run, "FAILED") if trial.variant == "grid/cnn/0.001" else result

    configs = [r.trial.config for r in run_study(LAB, ConvolutionConfig(), fail) if r.trial.variant == "training/cnn"]
    (rate,) = {config.model_dump()["learning_rate"] for config in configs}
    assert rate in (3e-4, 3e-3)


def test_no_trial_needs_two_frameworks() -> None:
    frameworks = {trial.variant.split("/")[0]: trial.runtime.framework for trial in asked(ConvolutionConfig())}
    assert frameworks == {
        "tensorflow": "keras",
        "torch": "torch",
        "field": "torch",
        "grid": "torch",
        "training": "torch",
        "order": "numpy",
        "size": "numpy",
        "edges": "numpy",
    }


def test_quick_is_a_valid_config_and_smaller() -> None:
    full, quick = configure(LAB, Options()), configure(LAB, Options(quick=True))
    assert isinstance(full, ConvolutionConfig)
    assert isinstance(quick, ConvolutionConfig)
    assert quick.pictures < full.pictures
    assert len(asked(quick)) < len(asked(full))


@pytest.mark.parametrize(
    "change",
    ["pictures=60000", "epochs=0", "rates=[]", "shift=9", "arm=rnn", "learning_rate=-1", "crop=10", "x=1"],
)
def test_a_bad_setting_is_one_line_that_names_the_field(change: str) -> None:
    with pytest.raises(UserError, match=change.split("=", maxsplit=1)[0]) as caught:
        configure(LAB, Options(changes=[change]))
    assert "\n" not in str(caught.value)


def test_every_field_says_why() -> None:
    for name, field in ConvolutionConfig.model_fields.items():
        assert field.description, name


def test_a_rate_beyond_its_range_is_refused() -> None:
    with pytest.raises(ValidationError, match="learning_rate"):
        ConvolutionConfig(learning_rate=2.0)


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("name", sorted(LAB.figures))
def test_pictures_are_drawn(name: str, code: Language, whole: Results) -> None:
    if not can_draw(code):
        pytest.skip("no font of this machine has Hangul")
    with language(code), style():
        figure = LAB.figures[name](whole, ConvolutionConfig(**SMALL))
        figure.draw_without_rendering()
    assert figure.get_suptitle()
    for axis in figure.axes:
        assert axis.has_data() or axis.texts, "an empty panel"


def test_a_trial_repeats_and_another_seed_differs() -> None:
    trial = Trial("order", ConvolutionConfig(**SMALL), 0, function="order")
    logs = [Recording(), Recording()]
    first, again = (run_trial(LAB, trial, log) for log in logs)
    assert first.measurements == again.measurements
    assert logs[0].values == logs[1].values
    other = run_trial(LAB, Trial("order", trial.config, 1, function="order"))
    assert other.measurements["differ"] != first.measurements["differ"]


def test_the_photographs_are_the_real_ones() -> None:
    from PIL import Image
    from sklearn.datasets import load_sample_image

    for name in photographs.NAMES:
        grey = photographs.grey(name)
        assert grey.shape == (427, 640)
        expected = np.asarray(Image.fromarray(load_sample_image(f"{name}.jpg")).convert("L")) / 255
        assert np.array_equal(grey, expected)
        with pytest.raises(ValueError, match="read-only"):
            grey[0, 0] = 1


def test_another_photograph_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(photographs.SHA256, "china.jpg", "0" * 64)
    photographs.grey.cache_clear()
    with pytest.raises(UserError, match=r"china\.jpg is not the file.*invoke build"):
        photographs.grey("china")
    photographs.grey.cache_clear()
