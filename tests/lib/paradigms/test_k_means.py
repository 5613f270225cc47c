"""k-means against scikit-learn, and what must hold whatever the data."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from lib.data import digits
from lib.paradigms import k_means


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    return digits.train().scaled().reshape(-1, 64).astype(np.float64)


def blobs(rng: np.random.Generator, per: int = 40) -> tuple[np.ndarray, np.ndarray]:
    centres = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    return np.repeat(centres, per, axis=0) + rng.normal(0, 0.5, (3 * per, 2)), np.repeat(np.arange(3), per)


@pytest.mark.parametrize("seed", range(3))
def test_from_the_same_start_it_ends_where_scikit_learn_ends(pictures: np.ndarray, seed: int) -> None:
    start = k_means.plus_plus(pictures, 10, np.random.default_rng(seed))
    ours = k_means.lloyd(pictures, start)
    theirs = KMeans(10, init=start, n_init=1, tol=0, algorithm="lloyd").fit(pictures)
    assert_allclose(ours.centres, theirs.cluster_centers_, atol=1e-10)
    assert ours.inertia[-1] == pytest.approx(theirs.inertia_, rel=1e-10)
    assert np.array_equal(k_means.nearest(pictures, ours.centres)[0], theirs.labels_)


def test_the_best_of_ten_starts_is_as_good_as_scikit_learns(pictures: np.ndarray) -> None:
    ours = k_means.k_means(pictures, 10, np.random.default_rng(0), restarts=10)
    theirs = KMeans(10, n_init=10, random_state=0).fit(pictures)
    assert ours.inertia[-1] <= 1.01 * theirs.inertia_


def test_inertia_never_rises_and_the_centres_are_means(pictures: np.ndarray) -> None:
    found = k_means.lloyd(pictures, pictures[:10])
    assert np.all(np.diff(found.inertia) <= 1e-9)
    groups, distances = k_means.nearest(pictures, found.centres)
    for group in range(10):
        assert_allclose(found.centres[group], pictures[groups == group].mean(axis=0), atol=1e-12)
    assert_allclose(distances, np.sum((pictures - found.centres[groups]) ** 2, axis=1), atol=1e-10)


def test_it_finds_groups_that_are_there() -> None:
    x, truth = blobs(np.random.default_rng(0))
    found = k_means.k_means(x, 3, np.random.default_rng(1))
    assert k_means.adjusted_rand_index(k_means.nearest(x, found.centres)[0], truth) == 1


def test_plus_plus_starts_in_different_groups() -> None:
    x, truth = blobs(np.random.default_rng(0))
    spread = []
    for seed in range(50):
        start = k_means.plus_plus(x, 3, np.random.default_rng(seed))
        spread.append(len({int(truth[np.flatnonzero((x == centre).all(axis=1))[0]]) for centre in start}))
    assert np.mean(np.equal(spread, 3)) > 0.9  # points at random: 2/9


def test_a_centre_that_lost_its_points_moves_to_the_farthest_point() -> None:
    x = np.array([[0.0], [1.0], [10.0]])
    found = k_means.lloyd(x, np.array([[0.5], [100.0]]))
    assert sorted(found.centres[:, 0]) == [0.5, 10.0]


def test_points_that_are_all_the_same() -> None:
    x = np.ones((5, 2))
    found = k_means.k_means(x, 3, np.random.default_rng(0), restarts=2)
    assert found.inertia[-1] == 0 and np.isfinite(found.centres).all()


def test_the_adjusted_rand_index_is_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    for groups in (1, 2, 5, 12):
        a, b = rng.integers(groups, size=200), rng.integers(4, size=200)
        b[:100] = a[:100] % 4
        assert k_means.adjusted_rand_index(a, b) == pytest.approx(adjusted_rand_score(a, b), abs=1e-12)
    assert k_means.adjusted_rand_index(a, (a + 3) % 12) == 1


def test_by_chance_the_adjusted_rand_index_is_0_on_average() -> None:
    rng = np.random.default_rng(0)
    values = [k_means.adjusted_rand_index(rng.integers(10, size=500), rng.integers(10, size=500)) for _ in range(200)]
    assert abs(np.mean(values)) < 4 * np.std(values) / 200**0.5


def test_names_are_the_commonest_labels() -> None:
    names = k_means.names(np.array([0, 0, 0, 1, 1, 3]), np.array([2, 2, 1, 0, 0, 4]), 4)
    assert names.tolist() == [2, 0, 0, 4]
