"""Losses and scores in one unit: the mean costs 1, with missing cells too."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from sklearn_ae import AutoencoderTransformer


@pytest.fixture(scope="module")
def holes(curved):
    """Rows of which the widest columns are seldom known, and weights."""
    rng = np.random.default_rng(0)
    known = np.linspace(1.0, 0.3, curved.shape[1])
    X = curved * np.geomspace(1, 20, curved.shape[1])
    X = np.where(rng.uniform(size=X.shape) < known, X, np.nan)
    return X, rng.uniform(0.2, 3.0, len(X))


class Mean(torch.nn.Module):
    """Reconstructs the mean, whatever the row."""

    def __init__(self, mean):
        super().__init__()
        self.mean = torch.nn.Parameter(torch.tensor(mean, dtype=torch.float32))

    def encode(self, x):
        return x[:, :2]

    def decode(self, code):
        return self.mean.expand(len(code), -1)


@pytest.mark.parametrize("weighted", [False, True])
def test_predicting_the_mean_costs_one(quick, holes, weighted, capsys):
    X, weight = holes[0], holes[1] if weighted else None
    mean = quick(max_iter=1).fit(X, sample_weight=weight).mean_
    model = quick(
        module=Mean(mean),
        init="random",
        learning_rate_init=1e-9,
        alpha=0,
        max_iter=2,
        verbose=1,
    )
    model.fit(X, sample_weight=weight)
    assert_allclose(model.loss_curve_, 1.0, rtol=1e-4)
    assert_allclose(model.best_loss_, 1.0, rtol=1e-4)
    assert_allclose(model.score(X, sample_weight=weight), 0.0, atol=1e-4)
    assert "train=1," in capsys.readouterr().err


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    "changes",
    [{}, {"cv": 2}, {"init": "random"}, {"max_iter": 20}, {"hidden_layer_sizes": ()}],
    ids=str,
)
def test_best_loss_is_what_the_score_leaves(quick, holes, weighted, changes):
    X, weight = holes[0], holes[1] if weighted else None
    model = quick(**changes).fit(X, sample_weight=weight)
    left = 1 - model.score(X, sample_weight=weight)
    assert_allclose(model.best_loss_, left, rtol=1e-9)
    assert_allclose(model.explained_variance_ratio_.sum(), 1 - left, rtol=1e-9)


@pytest.mark.parametrize("weighted", [False, True])
def test_curve_and_bar_start_from_what_pca_leaves(quick, holes, weighted, capsys):
    X, weight = holes[0], holes[1] if weighted else None
    model = quick(learning_rate_init=1e-9, alpha=0, max_iter=1, verbose=1)
    model.fit(X, sample_weight=weight)
    pca = quick(hidden_layer_sizes=()).fit(X, sample_weight=weight)
    assert model.pca_score_ == pytest.approx(pca.score(X, sample_weight=weight))
    left = 1 - model.pca_score_
    assert_allclose(model.loss_curve_, left, rtol=1e-4)
    assert (
        f"train={model.loss_curve_[0]:.3g}, PCA={left:.3g}" in capsys.readouterr().err
    )


def test_validation_curve_has_the_unit_of_the_best_loss(quick, holes):
    X, weight = holes
    model = quick(
        early_stopping=True, learning_rate_init=1e-9, alpha=0, max_iter=1, tol=0
    )
    model.fit(X, sample_weight=weight)
    assert_allclose(model.validation_loss_curve_, model.best_loss_, rtol=1e-4)


@pytest.mark.parametrize("loss", ["huber", "absolute_error"])
def test_other_losses_have_the_unit_of_the_mean(quick, holes, loss):
    X, _ = holes
    mean = quick(loss=loss, max_iter=1).fit(X).mean_
    settings = {"init": "random", "learning_rate_init": 1e-9, "alpha": 0, "max_iter": 1}
    model = quick(module=Mean(mean), loss=loss, **settings).fit(X)
    assert_allclose(model.loss_curve_, 1.0, rtol=1e-4)
    assert_allclose(model.best_loss_, 1.0, rtol=1e-4)


def test_rows_given_twice_and_weights_of_two_cost_alike(holes):
    X, _ = holes
    counts = np.arange(len(X)) % 2 + 1
    settings = {"hidden_layer_sizes": (), "random_state": 0}
    weighted = AutoencoderTransformer(2, **settings).fit(X, sample_weight=counts)
    repeated = AutoencoderTransformer(2, **settings).fit(np.repeat(X, counts, axis=0))
    assert_allclose(weighted.best_loss_, repeated.best_loss_, rtol=1e-6)
