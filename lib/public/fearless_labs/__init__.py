"""The one import of a lab's author: the contract, data sets, networks and helpers, each loaded when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import Field as Field

    from lib.data import austen as austen
    from lib.data import brown as brown
    from lib.data import digits as digits
    from lib.data import english_korean as english_korean
    from lib.data import fashion_mnist as fashion_mnist
    from lib.data import korean_words as korean_words
    from lib.data import minilm as minilm
    from lib.data import misspellings as misspellings
    from lib.data import mnist_5k as mnist_5k
    from lib.data import movie_reviews as movie_reviews
    from lib.data import noisy_digits as noisy_digits
    from lib.data import phonemes as phonemes
    from lib.data import photographs as photographs
    from lib.data import printed_letters as printed_letters
    from lib.data import wordsim353 as wordsim353
    from lib.harness.commands.notebook import run as run
    from lib.harness.contract.claim import Claim as Claim
    from lib.harness.contract.claim import InconclusiveError as InconclusiveError
    from lib.harness.contract.claim import largest as largest
    from lib.harness.contract.claim import require_trained as require_trained
    from lib.harness.contract.claim import smallest as smallest
    from lib.harness.contract.config import Config as Config
    from lib.harness.contract.drawing import PALETTE as PALETTE
    from lib.harness.contract.drawing import boxes as boxes
    from lib.harness.contract.drawing import canvas as canvas
    from lib.harness.contract.drawing import shared_legend as shared_legend
    from lib.harness.contract.lab import Lab as Lab
    from lib.harness.contract.lab import Model as Model
    from lib.harness.contract.results import Results as Results
    from lib.harness.contract.search import Choices as Choices
    from lib.harness.contract.search import Range as Range
    from lib.harness.contract.search import Search as Search
    from lib.harness.contract.seeds import Seed as Seed
    from lib.harness.contract.series import Series as Series
    from lib.harness.contract.series import align as align
    from lib.harness.contract.series import packed as packed
    from lib.harness.contract.studies import batches as batches
    from lib.harness.contract.studies import best as best
    from lib.harness.contract.studies import best_mean as best_mean
    from lib.harness.contract.studies import changed as changed
    from lib.harness.contract.studies import gather as gather
    from lib.harness.contract.studies import grid_seed as grid_seed
    from lib.harness.contract.studies import joins as joins
    from lib.harness.contract.studies import side_by_side as side_by_side
    from lib.harness.contract.studies import variants_by_seeds as variants_by_seeds
    from lib.harness.contract.texts import Texts as Texts
    from lib.harness.contract.trial import Log as Log
    from lib.harness.contract.trial import Result as Result
    from lib.harness.contract.trial import Runtime as Runtime
    from lib.harness.contract.trial import Study as Study
    from lib.harness.contract.trial import Trial as Trial
    from lib.harness.errors import UserError as UserError
    from lib.harness.replaced import replacement as replacement
    from lib.models import evaluation as evaluation
    from lib.models import lenet as lenet
    from lib.models import mlp as mlp
    from lib.models import training as training

MODULES = {
    "Config": "lib.harness.contract.config",
    "Field": "pydantic",
    "packed": "lib.harness.contract.series",
    "Lab": "lib.harness.contract.lab",
    "Model": "lib.harness.contract.lab",
    "Claim": "lib.harness.contract.claim",
    "InconclusiveError": "lib.harness.contract.claim",
    "largest": "lib.harness.contract.claim",
    "smallest": "lib.harness.contract.claim",
    "require_trained": "lib.harness.contract.claim",
    "Log": "lib.harness.contract.trial",
    "Result": "lib.harness.contract.trial",
    "Runtime": "lib.harness.contract.trial",
    "Study": "lib.harness.contract.trial",
    "Trial": "lib.harness.contract.trial",
    "replacement": "lib.harness.replaced",
    "Results": "lib.harness.contract.results",
    "Series": "lib.harness.contract.series",
    "align": "lib.harness.contract.series",
    "Seed": "lib.harness.contract.seeds",
    "batches": "lib.harness.contract.studies",
    "best": "lib.harness.contract.studies",
    "best_mean": "lib.harness.contract.studies",
    "changed": "lib.harness.contract.studies",
    "gather": "lib.harness.contract.studies",
    "grid_seed": "lib.harness.contract.studies",
    "joins": "lib.harness.contract.studies",
    "side_by_side": "lib.harness.contract.studies",
    "variants_by_seeds": "lib.harness.contract.studies",
    "Choices": "lib.harness.contract.search",
    "Range": "lib.harness.contract.search",
    "Search": "lib.harness.contract.search",
    "PALETTE": "lib.harness.contract.drawing",
    "boxes": "lib.harness.contract.drawing",
    "canvas": "lib.harness.contract.drawing",
    "shared_legend": "lib.harness.contract.drawing",
    "Texts": "lib.harness.contract.texts",
    "run": "lib.harness.commands.notebook",
    "UserError": "lib.harness.errors",
    "austen": "lib.data.austen",
    "brown": "lib.data.brown",
    "digits": "lib.data.digits",
    "english_korean": "lib.data.english_korean",
    "fashion_mnist": "lib.data.fashion_mnist",
    "korean_words": "lib.data.korean_words",
    "minilm": "lib.data.minilm",
    "misspellings": "lib.data.misspellings",
    "mnist_5k": "lib.data.mnist_5k",
    "movie_reviews": "lib.data.movie_reviews",
    "noisy_digits": "lib.data.noisy_digits",
    "phonemes": "lib.data.phonemes",
    "photographs": "lib.data.photographs",
    "printed_letters": "lib.data.printed_letters",
    "wordsim353": "lib.data.wordsim353",
    "evaluation": "lib.models.evaluation",
    "lenet": "lib.models.lenet",
    "mlp": "lib.models.mlp",
    "training": "lib.models.training",
}
"""The module of each name. A name that is the last part of its module is the module itself."""

__all__ = sorted(MODULES)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    """The object of this name, from its module."""
    if name not in MODULES:
        raise AttributeError(f"fearless_labs has no '{name}'; it has: {', '.join(__all__)}")
    module = import_module(MODULES[name])
    value = module if MODULES[name].endswith(f".{name}") else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """All names, for completion."""
    return __all__
