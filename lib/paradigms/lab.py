"""A network is a function, and the three kinds of learning: from labels, from nothing but the data, and from reward.

- **function**: networks of growing width on a known function (`approximation`), with and without the non-linearity.
- **labels**: a network that classifies MNIST's digits; and the same training with every picture's label swapped.
- **pictures**: the same pictures without labels: k-means (`k_means`), and auto-encoders compared with PCA
  (`autoencoder`).
- **reward**: REINFORCE on CartPole (`reinforce`); and the same training with noise for a reward.

Learning rates and epochs were chosen on the validation pictures and on runs of CartPole with other seeds. The test
pictures are read once, at the end of a trial. The labels of the trial *pictures* are read after all of its training.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from lib.data import mnist_5k
from lib.data.pictures import Split
from lib.harness.contract.config import Config
from lib.harness.contract.lab import Lab
from lib.harness.contract.search import Range, Search
from lib.harness.contract.seeds import Seed
from lib.harness.contract.series import packed
from lib.harness.contract.studies import batches, changed
from lib.harness.contract.trial import Log, Runtime, Study, Trial
from lib.models import evaluation
from lib.models.mlp import initial_weights, torch_mlp
from lib.models.nearest_mean import nearest_mean
from lib.models.training import TorchClassifier, train
from lib.paradigms import approximation, k_means, reinforce
from lib.paradigms.autoencoder import AutoEncoder, principal_components, squared_error
from lib.paradigms.claims import CLAIMS
from lib.paradigms.figures import FIGURES, TEXTS

CLASSES = len(mnist_5k.CLASSES)
JUDGED_EPISODES = 100
"""Episodes that judge a policy after its training; also the episodes whose mean return must reach the threshold."""
BY_HAND_WIDTHS = (2, 4, 8, 16, 32, 64, 128, 256)


Units = Annotated[int, Field(ge=1, le=10_000)]
Code = Annotated[int, Field(ge=1, le=784)]


class ParadigmsConfig(Config):
    """Settings of the whole lab. `labels` and `reward` tell the variants apart."""

    seeds: int = Field(
        9, ge=1, le=1000, description="the fewest for which a median's interval bears one seed that never gets there"
    )
    batch: int = Field(128, ge=1, le=1024, description="trials asked for at a time; all of them, so that no core waits")

    widths: tuple[Units, ...] = Field(
        (2, 4, 8, 16, 32, 64), min_length=2, description="hidden units; doubled until the functions are hit"
    )
    activation: Literal["identity", "sigmoid", "tanh", "relu"] = Field(
        "tanh", description="smooth, as the functions are; identity takes the non-linearity away"
    )
    function_steps: int = Field(2_000, ge=10, le=100_000, description="steps of Adam; the error has settled by then")
    function_rate: float = Field(0.03, gt=0, le=1, description="best of 0.01 and 0.03 for most widths")

    labels: Literal["own", "swapped"] = Field("own", description="swapped: every label belongs to another picture")
    hidden: int = Field(128, ge=1, le=4_096, description="of the classifier and the auto-encoders; 256 gain little")
    epochs: int = Field(10, ge=1, le=1_000, description="of the classifier; validation accuracy has settled by then")
    learning_rate: float = Field(2e-3, gt=0, le=1, description="of the classifier, with Adam; best on validation")

    clusters: int = Field(10, ge=2, le=100, description="as many as there are digits, to compare with the classes")
    restarts: int = Field(5, ge=1, le=100, description="starts of k-means; more lower the inertia by under 1 %")
    codes: tuple[Code, ...] = Field(
        (2, 8, 32), min_length=1, description="numbers per picture: a plane, fewer than classes, and plenty"
    )
    linear_code: int = Field(8, ge=1, le=784, description="numbers per picture of the auto-encoder without ReLU")
    code_epochs: int = Field(20, ge=1, le=1_000, description="of an auto-encoder; 40 lower the error by 2 %")
    code_rate: float = Field(5e-3, gt=0, le=1, description="peak rate of an auto-encoder; best on validation")

    reward: reinforce.Reward = Field("balance", description="noise: random numbers in place of the rewards")
    environments: int = Field(50, ge=2, le=1_000, description="episodes of an update; two updates make the 100 judged")
    updates: int = Field(40, ge=1, le=10_000, description="2,000 episodes: twice what most seeds need")
    threshold: float = Field(
        475, gt=0, le=500, description="mean return that gymnasium calls solved for CartPole-v1; v0 asked for 195"
    )
    policy_hidden: int = Field(32, ge=1, le=1_024, description="small, as the state has four numbers")
    policy_rate: float = Field(0.03, gt=0, le=1, description="solved in half the episodes that 0.01 needs")
    discount: float = Field(0.99, ge=0, le=1, description="a fall counts for a hundred steps before it")
    baseline: reinforce.Baseline = Field("others", description="lowers the variance; none shows what that is worth")


VARIANTS: dict[str, dict[str, Any]] = {
    "pictures": {},
    "function": {},
    "reward": {},
    "labels": {},
    "labels/swapped": {"labels": "swapped"},
    "reward/noise": {"reward": "noise"},
}
"""The config changes of each variant; it runs the function that its name begins with."""


def study(config: ParadigmsConfig) -> Study:
    """Every variant with every seed; seeds outermost, so that pairs end together."""
    yield from batches(_trials(config), config.batch)


def _trials(config: ParadigmsConfig) -> Iterator[Trial]:
    for seed in range(config.seeds):
        for variant, changes in VARIANTS.items():
            function = variant.partition("/")[0]
            yield Trial(variant, changed(config, changes), seed, Runtime("torch"), function)


def function(config: ParadigmsConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Errors by width, with the activation and without, on both known functions; and of networks written by hand."""
    measured: dict[str, Any] = {
        "by_hand": {str(width): approximation.by_hand_over_bound(width) for width in BY_HAND_WIDTHS}
    }
    for name, target in approximation.TARGETS.items():
        measured[f"{name}/least_error_of_a_line"] = approximation.least_error_of_a_line(target)
        for kind, activation in (("network", config.activation), ("linear", "identity")):
            fit = approximation.fit(
                seed.child(name),
                target,
                config.widths,
                activation,
                steps=config.function_steps,
                learning_rate=config.function_rate,
                log=log,
                name=f"{name}/{kind}",
            )
            measured[f"{name}/{kind}"] = approximation.error(target, fit.predicted)
            measured[f"{name}/{kind}/off_a_line"] = approximation.off_a_line(target, fit.predicted)
            measured[f"{name}/{kind}/predicted"] = fit.predicted.T.round(4)
            if (name, kind) == ("wave", "network"):
                measured["moments"] = fit.steps
                measured["history"] = fit.history.round(4)
    return measured


def labels(config: ParadigmsConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Accuracy on the validation pictures after each epoch and on the test pictures at the end."""
    import torch

    training, validation, test = mnist_5k.train(), mnist_5k.validation(), mnist_5k.test()
    given = training.labels
    if config.labels == "swapped":
        given = given[seed.rng("swap").permutation(len(given))]
    model = torch_mlp(initial_weights(seed, (784, config.hidden, CLASSES)))
    optimizer = torch.optim.Adam(model.parameters(), config.learning_rate, fused=True)
    classifier = TorchClassifier(model, optimizer, _pixels(training), given, batch=64)
    curve = []
    for epoch, _ in enumerate(train(classifier, config.epochs, seed, log)):
        curve.append(evaluation.accuracy(classifier.logits(_pixels(validation)), validation.labels))
        log(epoch, validation_accuracy=curve[-1])
    log.parameters(classifier.weights())
    logits = classifier.logits(_pixels(test))
    return {
        "validation_accuracy": curve,
        "test_accuracy": evaluation.accuracy(logits, test.labels),
        "test_right": packed(evaluation.right(logits, test.labels)),
        "means_right": packed(nearest_mean(training, test) == test.labels),
    }


def pictures(config: ParadigmsConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Groups and codes of the pictures; what they have to do with the digits is asked after the training."""
    x = _pixels(mnist_5k.train())
    clusters = k_means.k_means(x, config.clusters, seed.rng("k-means"), config.restarts)
    unlearned = x[seed.rng("unlearned").choice(len(x), config.clusters, replace=False)]
    for step, inertia in enumerate(clusters.inertia):
        log(step, inertia=inertia)
    coders = {k: AutoEncoder(seed.child(k), x.shape[1], config.hidden, k) for k in config.codes}
    linear = AutoEncoder(seed.child("linear"), x.shape[1], config.hidden, config.linear_code, "identity")
    for coder in (*coders.values(), linear):
        coder.train(x, seed, log, epochs=config.code_epochs, batch=64, learning_rate=config.code_rate)
    test = mnist_5k.test()
    around = k_means.nearest(_pixels(test), unlearned)[0]
    return {
        "steps": len(clusters.inertia),
        "unlearned_rand": k_means.adjusted_rand_index(around, test.labels),
        **_without_labels(x, clusters, coders, linear),
    }


def _without_labels(
    x: np.ndarray, clusters: k_means.Clusters, coders: dict[int, AutoEncoder], linear: AutoEncoder
) -> dict[str, Any]:
    """Measure clusters and codes on the test pictures; here the labels are read for the first time."""
    test, training = mnist_5k.test(), mnist_5k.train()
    pixels = _pixels(test)
    groups = k_means.nearest(pixels, clusters.centres)[0]
    names = k_means.names(k_means.nearest(x, clusters.centres)[0], training.labels, len(clusters.centres))
    k = linear.code
    largest = principal_components(x, max(*coders, k))
    components = {size: largest.first(size) for size in (*coders, k)}
    errors = {size: squared_error(pixels, c.redrawn(pixels)) for size, c in components.items()}
    shown = [int(np.argmax(test.labels == digit)) for digit in range(CLASSES)]
    drawn = sorted({min(coders), max(coders)})
    return {
        "adjusted_rand": k_means.adjusted_rand_index(groups, test.labels),
        "named_accuracy": float(np.mean(names[groups] == test.labels)),
        "named_right": packed(names[groups] == test.labels),
        "names": names,
        "shares": np.array([np.bincount(test.labels[groups == g], minlength=CLASSES) for g in range(len(names))]),
        "centres": _bytes(clusters.centres),
        "codes": sorted(coders),
        "auto_encoder": [squared_error(pixels, coders[size].redrawn(pixels)) for size in sorted(coders)],
        "pca": [errors[size] for size in sorted(coders)],
        "linear_over_pca": squared_error(pixels, linear.redrawn(pixels)) / errors[k],
        "originals": _bytes(pixels[shown]),
        "redrawn": {str(size): _bytes(coders[size].redrawn(pixels[shown])) for size in drawn},
        "redrawn_pca": {str(size): _bytes(components[size].redrawn(pixels[shown])) for size in drawn},
    }


def reward(config: ParadigmsConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Returns while REINFORCE learns, and those of 100 fresh episodes afterwards, compared with random actions'."""
    env = reinforce.environments(config.environments, seed.integer("cartpole", bits=31))
    policy = reinforce.Policy(seed, config.policy_hidden, config.policy_rate)
    before = policy_map(policy)
    returns = []
    rules: dict[str, Any] = {"discount": config.discount, "baseline": config.baseline, "reward": config.reward}
    learning = reinforce.learn(env, policy, seed, config.updates, **rules)
    for update, lengths in enumerate(learning):
        log(update, mean_return=lengths.mean())
        returns.append(lengths)
    players: dict[str, tuple[reinforce.Logits, bool]] = {
        "sampled": (policy.logits, True),
        "greedy": (policy.logits, False),
        "random": (lambda observations: np.zeros((len(observations), 2)), True),
        "lean": (reinforce.push_where_it_leans, False),
    }
    judged = {}
    for name, (logits, draws) in players.items():
        fresh = reinforce.environments(JUDGED_EPISODES, seed.integer("judge", bits=31))
        rng = seed.rng("judge", name) if draws else None
        judged[f"{name}_return"] = float(reinforce.play(fresh, logits, rng).returns.mean())
    log.parameters({name: p.detach().numpy() for name, p in policy.model.named_parameters()})
    return judged | {
        "returns": np.array(returns).mean(axis=1),
        "episodes_until": reinforce.episodes_until(np.concatenate(returns), config.threshold, JUDGED_EPISODES),
        "policy": {"before": before, "after": policy_map(policy)},
    }


def policy_map(policy: reinforce.Policy) -> np.ndarray:
    """Chance of a push to the right by angular velocity (rows) and angle (columns) of the pole; the cart at rest."""
    angle, velocity = np.meshgrid(np.radians(np.linspace(-12, 12, 41)), np.linspace(-2, 2, 41))
    states = np.zeros((angle.size, 4), dtype=np.float32)
    states[:, 2], states[:, 3] = angle.ravel(), velocity.ravel()
    logits = policy.logits(states).astype(np.float64)
    return np.asarray((1 / (1 + np.exp(logits[:, 0] - logits[:, 1]))).reshape(angle.shape).round(3))


def _pixels(split: Split) -> np.ndarray:
    return np.asarray(split.scaled().reshape(len(split), -1))


def _bytes(x: np.ndarray) -> np.ndarray:
    return np.asarray((255 * x.clip(0, 1)).round().astype(np.uint8))


SEARCH = Search(
    space={
        "learning_rate": Range(2e-4, 5e-2, log=True),
        "hidden": Range(16, 512, log=True),
    },
    trial=lambda config: Trial("labels", changed(config, {"labels": "own"}), 0, Runtime("torch"), "labels"),
    measure="validation_accuracy",
    goal="maximize",
    reported="validation_accuracy",
    value=lambda result: result.measurements["validation_accuracy"][-1],
)
"""Of the classifier that learns from labels."""

LAB = Lab(
    name="paradigms",
    summary="a network is a function; learning from labels, from the data alone, and from reward, measured",
    chapter=17,
    minutes=3,
    config=ParadigmsConfig,
    quick={
        "seeds": 6,
        "widths": (2, 8, 64),
        "function_steps": 1_000,
        "epochs": 3,
        "restarts": 1,
        "codes": (2, 8),
        "code_epochs": 5,
        "threshold": 195,
        "updates": 16,
    },
    study=study,
    trials={"function": function, "labels": labels, "pictures": pictures, "reward": reward},
    claims=CLAIMS,
    lecture=("a-network-is-a-function", "three-kinds-of-learning"),
    figures=FIGURES,
    data=("mnist_5k",),
    portable={"torch/labels": ("any",)},
    search=SEARCH,
    texts=TEXTS,
)
