import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.decomposition import PCA

from benchmarks.manifolds import GreedyManifold, QuadraticManifold, RidgeManifold
from benchmarks.measuring import lost_by

CLASSES = [QuadraticManifold, GreedyManifold, RidgeManifold]


@pytest.fixture
def line() -> np.ndarray:
    return np.linspace(-1, 1, 200)


@pytest.mark.parametrize("build", CLASSES)
def test_parabola_is_followed(build, line):
    X = np.column_stack([3 * line, line**2 + 5, 0.5 * line**2])
    X = X - X.mean(axis=0)
    assert lost_by(build(1).fit(X), X) < 1e-6 < lost_by(PCA(1).fit(X), X)


def test_products_of_two_codes_are_followed():
    scores = np.random.default_rng(0).standard_normal((300, 2))
    X = np.column_stack([5 * scores, scores.prod(axis=1), scores[:, 0] ** 2 - 1])
    X = X - X.mean(axis=0)
    assert lost_by(QuadraticManifold(2).fit(X), X) < 0.05 * lost_by(PCA(2).fit(X), X)


@pytest.mark.parametrize("build", [QuadraticManifold, RidgeManifold])
def test_codes_are_the_scores_of_pca(build, line):
    X = np.column_stack([line, line**2, line**3])
    expected = PCA(2).fit_transform(X)
    assert_allclose(abs(build(2).fit_transform(X)), abs(expected), atol=1e-12)


def test_greedy_choice_takes_the_direction_that_tells_the_others(line):
    # The square varies most, but does not tell the sign of what it is the square of.
    X = np.column_stack([line, 5 * line**2])
    X = X - X.mean(axis=0)
    assert_allclose(abs(GreedyManifold(1).fit(X).components_), [[1, 0]], atol=0.1)
    assert_allclose(abs(QuadraticManifold(1).fit(X).components_), [[0, 1]], atol=0.1)
    assert lost_by(GreedyManifold(1).fit(X), X) < 0.01


def test_cosines_follow_what_products_cannot(line):
    X = np.column_stack([5 * line, np.sin(6 * line)])
    X = X - X.mean(axis=0)
    quadratic, ridge = (
        lost_by(build(1).fit(X), X) for build in (QuadraticManifold, RidgeManifold)
    )
    assert ridge < 0.1 * quadratic


def test_noise_is_not_followed():
    rng = np.random.default_rng(0)
    X, X_test = rng.standard_normal((2, 400, 6))
    for build in (QuadraticManifold, RidgeManifold):
        assert lost_by(build(2).fit(X), X_test) < 1.02 * lost_by(PCA(2).fit(X), X_test)


@pytest.mark.parametrize("build", CLASSES)
def test_same_seed_gives_same_codes(build):
    X = np.random.default_rng(0).standard_normal((50, 5))
    first, second = (build(2, random_state=3).fit(X) for _ in range(2))
    restored = [
        model.inverse_transform(model.transform(X)) for model in (first, second)
    ]
    assert_array_equal(*restored)
