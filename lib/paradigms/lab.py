"""A network is a function, and the three kinds of learning: from labels, from nothing but the data, and from reward.

- **function**: networks of growing width on a known function (`approximation`), with and without the non-linearity.
- **labels**: a network that classifies MNIST's digits; and the same training with every picture's label swapped.
- **pictures**: the same pictures without labels: k-means (`k_means`) and auto-encoders beside PCA (`autoencoder`).
- **reward**: REINFORCE on CartPole (`reinforce`); and the same training with noise for a reward.

Learning rates and epochs were chosen on the validation pictures and on runs of CartPole with other seeds. The test
pictures are read once, at the end of a trial. The labels of the trial *pictures* are read after all of its training.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from lib.data import mnist_5k
from lib.data.pictures import Split
from lib.harness.contract.claim import Claim
from lib.harness.contract.config import Config
from lib.harness.contract.lab import Lab
from lib.harness.contract.results import Results
from lib.harness.contract.search import Range, Search
from lib.harness.contract.seeds import Seed
from lib.harness.contract.series import Series
from lib.harness.contract.studies import batches, changed, variants_by_seeds
from lib.harness.contract.trial import Log, Runtime, Study, Trial
from lib.models import evaluation
from lib.models.mlp import initial_weights, torch_mlp
from lib.models.training import TorchClassifier, train
from lib.paradigms import approximation, k_means, reinforce
from lib.paradigms import figures as paradigms_figures
from lib.paradigms.autoencoder import AutoEncoder, principal_components, squared_error
from lib.paradigms.sentences import KOREAN, SENTENCES

CLASSES = len(mnist_5k.CLASSES)
JUDGED_EPISODES = 100
"""Episodes that judge a policy after its training; also the episodes whose mean return must reach the threshold."""
BY_HAND_WIDTHS = (2, 4, 8, 16, 32, 64, 128, 256)


Units = Annotated[int, Field(ge=1, le=10_000)]
Code = Annotated[int, Field(ge=1, le=784)]


class ParadigmsConfig(Config):
    """Settings of the whole lab. `experiment`, `labels` and `reward` tell the variants apart."""

    seeds: int = Field(
        9, ge=1, le=1000, description="the fewest for which a median's interval bears one seed that never gets there"
    )
    batch: int = Field(128, ge=1, le=1024, description="trials asked for at a time; all of them, so that no core waits")
    experiment: Literal["function", "labels", "pictures", "reward"] = Field(
        "function", description="what a trial does; set by the study, which runs all"
    )

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
    "pictures": {"experiment": "pictures"},
    "function": {"experiment": "function"},
    "reward": {"experiment": "reward"},
    "labels": {"experiment": "labels"},
    "labels/swapped": {"experiment": "labels", "labels": "swapped"},
    "reward/noise": {"experiment": "reward", "reward": "noise"},
}


def study(config: ParadigmsConfig) -> Study:
    """Every variant with every seed."""
    yield from batches(variants_by_seeds(config, VARIANTS, Runtime("torch")), config.batch)


def trial(config: ParadigmsConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """One experiment with one seed."""
    run = {"function": function, "labels": labels, "pictures": pictures, "reward": reward}[config.experiment]
    return run(config, seed, log)


def function(config: ParadigmsConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Errors by width, with the activation and without, on both known functions; and of networks written by hand."""
    measured: dict[str, Any] = {
        "by_hand": {str(width): approximation.by_hand_over_bound(width) for width in BY_HAND_WIDTHS}
    }
    for name, target in approximation.TARGETS.items():
        line = float(approximation.error(target, approximation.best_line(target)))
        measured[f"{name}/best_line"] = line
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
    return {
        "validation_accuracy": curve,
        "test_accuracy": evaluation.accuracy(classifier.logits(_pixels(test)), test.labels),
    }


def pictures(config: ParadigmsConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Groups and codes of the pictures; what they have to do with the digits is asked after the training."""
    x = _pixels(mnist_5k.train())
    found = k_means.k_means(x, config.clusters, seed.rng("k-means"), config.restarts)
    for step, inertia in enumerate(found.inertia):
        log(step, inertia=inertia)
    coders = {k: AutoEncoder(seed.child(k), x.shape[1], config.hidden, k) for k in config.codes}
    linear = AutoEncoder(seed.child("linear"), x.shape[1], config.hidden, config.linear_code, "identity")
    for coder in (*coders.values(), linear):
        coder.train(x, seed, log, epochs=config.code_epochs, batch=64, learning_rate=config.code_rate)
    return {"steps": len(found.inertia)} | _without_labels(x, found, coders, linear)


def _without_labels(
    x: np.ndarray, found: k_means.Clusters, coders: dict[int, AutoEncoder], linear: AutoEncoder
) -> dict[str, Any]:
    """What clusters and codes are worth on the test pictures; here the labels are read for the first time."""
    test, training = mnist_5k.test(), mnist_5k.train()
    pixels = _pixels(test)
    groups = k_means.nearest(pixels, found.centres)[0]
    names = k_means.names(k_means.nearest(x, found.centres)[0], training.labels, len(found.centres))
    k = linear.code
    largest = principal_components(x, max(*coders, k))
    components = {size: largest.first(size) for size in (*coders, k)}
    errors = {size: squared_error(pixels, c.redrawn(pixels)) for size, c in components.items()}
    shown = [int(np.argmax(test.labels == digit)) for digit in range(CLASSES)]
    drawn = sorted({min(coders), max(coders)})
    return {
        "adjusted_rand": k_means.adjusted_rand_index(groups, test.labels),
        "named_accuracy": float(np.mean(names[groups] == test.labels)),
        "names": names,
        "shares": np.array([np.bincount(test.labels[groups == g], minlength=CLASSES) for g in range(len(names))]),
        "centres": _bytes(found.centres),
        "codes": sorted(coders),
        "auto_encoder": [squared_error(pixels, coders[size].redrawn(pixels)) for size in sorted(coders)],
        "pca": [errors[size] for size in sorted(coders)],
        "linear_over_pca": squared_error(pixels, linear.redrawn(pixels)) / errors[k],
        "originals": _bytes(pixels[shown]),
        "redrawn": {str(size): _bytes(coders[size].redrawn(pixels[shown])) for size in drawn},
        "redrawn_pca": {str(size): _bytes(components[size].redrawn(pixels[shown])) for size in drawn},
    }


def reward(config: ParadigmsConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Returns while REINFORCE learns, and those of 100 fresh episodes afterwards beside random actions'."""
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


# Claims


def widest_over_narrowest(results: Results) -> np.ndarray:
    """Error of the widest network over the narrowest one's, on the function where that is larger: (seeds,)."""
    errors = np.array([results.values("function", f"{name}/network") for name in approximation.TARGETS])
    return np.asarray(np.max(errors[..., -1] / errors[..., 0], axis=0))


def widest(results: Results) -> np.ndarray:
    """Error of the widest network on the function where it is larger: (seeds,)."""
    errors = [results.values("function", f"{name}/network")[:, -1] for name in approximation.TARGETS]
    return np.asarray(np.max(errors, axis=0))


def from_the_best_line(results: Results) -> float:
    """Worst relative deviation of a linear network's error from the best line's; all widths, functions and seeds."""
    deviations = []
    for name in approximation.TARGETS:
        line = results.values("function", f"{name}/best_line")[:, None]
        deviations.append(np.max(np.abs(results.values("function", f"{name}/linear") / line - 1)))
    return float(np.max(deviations))


def by_hand(results: Results) -> float:
    """Worst error over bound of the networks written by hand."""
    return float(max(results.of("function")[0].measurements["by_hand"].values()))


def auto_encoder_over_pca(results: Results) -> np.ndarray:
    """Test error of the auto-encoder over PCA's with as many numbers, at the size where that is largest: (seeds,)."""
    return np.asarray(np.max(results.values("pictures", "auto_encoder") / results.values("pictures", "pca"), axis=1))


def labels_over_names(results: Results) -> np.ndarray:
    """Test accuracy of the classifier less that of clusters that are named after the fact: (seeds,)."""
    accuracy = {r.trial.seed: r.measurements["test_accuracy"] for r in results.of("labels")}
    named = {r.trial.seed: r.measurements["named_accuracy"] for r in results.of("pictures")}
    return np.array([accuracy[seed] - named[seed] for seed in sorted(accuracy.keys() & named.keys())])


def over_random(results: Results) -> np.ndarray:
    """Return of the trained policy, actions drawn, over the random policy's: (seeds,)."""
    return np.asarray(results.values("reward", "sampled_return") / results.values("reward", "random_return"))


def noise_over_reward(results: Results) -> Series:
    """Return of the policy that was given noise over that of the one that was given the reward: (seeds,)."""
    return results.series("reward/noise", "sampled_return") / results.series("reward", "sampled_return")


def measured(variant: str, name: str) -> Callable[[Results], np.ndarray]:
    """A measurement of a variant: (seeds,)."""
    return lambda results: results.values(variant, name)


_FUNCTIONS = "error at points between the training points, as a share of the function's variance; the worse of two"
_DIGITS = "MNIST-5k: 3,500 training pictures, 1,000 test pictures that are read once, at the end"
_CARTPOLE = "CartPole-v1; 100 fresh episodes after training, actions drawn from the policy"
CLAIMS = (
    Claim(
        "a-network-is-a-function/width",
        statement="with non-linear functions inside, the widest network's error is less than half the narrowest one's",
        measure=widest_over_narrowest,
        unit="ratio of errors",
        at_most=0.5,
        note=_FUNCTIONS,
    ),
    Claim(
        "a-network-is-a-function/close",
        statement="wide enough, a trained network is the function to within 1 % of its variance",
        measure=widest,
        unit="share of the variance",
        at_most=0.01,
        note=_FUNCTIONS,
    ),
    Claim(
        "a-network-is-a-function/line",
        statement=(
            "without the non-linearity a network of any width, trained alike, has the error of the best straight line"
        ),
        kind="exact",
        measure=from_the_best_line,
        unit="relative deviation",
        at_most=1e-6,
        note="best line and plane in closed form (least squares); all widths, two functions, all seeds",
    ),
    Claim(
        "a-network-is-a-function/by-hand",
        statement="no training is needed: n ReLU units written down by hand are within h²/8 max|f''| of the function",
        kind="exact",
        measure=by_hand,
        unit="error over bound",
        at_most=1.0,
        note="2 to 256 units; knots h apart; worst of 10,001 points",
    ),
    Claim(
        "three-kinds-of-learning/supervised",
        statement="from labels: a network names most test digits, five times what chance names",
        measure=measured("labels", "test_accuracy"),
        unit="test accuracy",
        at_least=0.5,
        note=_DIGITS,
    ),
    Claim(
        "three-kinds-of-learning/supervised-by-its-labels",
        statement="with the labels of other pictures the same training stays near chance",
        measure=measured("labels/swapped", "test_accuracy"),
        unit="test accuracy",
        at_most=0.2,
        note=f"chance is 0.1; {_DIGITS}",
    ),
    Claim(
        "three-kinds-of-learning/clusters",
        statement="without labels: k-means finds groups that agree with the digits",
        measure=measured("pictures", "adjusted_rand"),
        unit="adjusted Rand index",
        at_least=0.1,
        note=f"0 by chance, 1 for the same groups; the labels are read after the fact; {_DIGITS}",
    ),
    Claim(
        "three-kinds-of-learning/labels-tell-more",
        statement=(
            "clusters that are named after the fact name fewer test digits than the network that was given labels"
        ),
        measure=labels_over_names,
        unit="difference in test accuracy",
        at_least=0.0,
        note=f"a cluster's name is its commonest digit among the training pictures; {_DIGITS}",
    ),
    Claim(
        "three-kinds-of-learning/auto-encoder",
        statement=(
            "without labels: an auto-encoder redraws test digits from k numbers with a lower error than PCA from k"
        ),
        measure=auto_encoder_over_pca,
        unit="ratio of squared errors",
        at_most=1.0,
        note=f"k = 2, 8, 32: the k with the largest ratio; {_DIGITS}",
    ),
    Claim(
        "three-kinds-of-learning/linear-auto-encoder",
        statement="and without non-linear functions it is PCA: the same error to within 2 %",
        measure=measured("pictures", "linear_over_pca"),
        unit="ratio of squared errors",
        at_least=0.98,
        at_most=1.02,
        note=f"k = 8; PCA is the only minimum (Baldi & Hornik 1989); {_DIGITS}",
    ),
    Claim(
        "three-kinds-of-learning/reinforcement",
        statement="from rewards: REINFORCE balances the pole for at least twice as long as random pushes",
        measure=over_random,
        unit="ratio of returns",
        at_least=2.0,
        note=_CARTPOLE,
    ),
    Claim(
        "three-kinds-of-learning/reinforcement-solves",
        statement="and solves the task within 2,000 episodes",
        measure=measured("reward", "episodes_until"),
        unit="episodes",
        at_most=2_000,
        interval="median",
        note="until the mean return of 100 episodes reaches 475 (195 in quick mode); infinite if it never does",
    ),
    Claim(
        "three-kinds-of-learning/reinforcement-by-its-reward",
        statement="with noise for a reward the same training balances it for less than half as long",
        measure=noise_over_reward,
        unit="ratio of returns",
        at_most=0.5,
        interval="median",
        note=_CARTPOLE,
    ),
)

SEARCH = Search(
    space={
        "learning_rate": Range(2e-4, 5e-2, log=True),
        "hidden": Range(16, 512, log=True),
    },
    trial=lambda config: Trial(
        "labels", changed(config, {"experiment": "labels", "labels": "own"}), 0, Runtime("torch")
    ),
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
    trials=trial,
    claims=CLAIMS,
    figures=paradigms_figures.FIGURES,
    data=("mnist_5k",),
    search=SEARCH,
    sentences=SENTENCES,
    korean=KOREAN,
)
