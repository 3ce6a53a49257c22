"""Fits of estimators that were fitted before."""

import re

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal, assert_array_less
from skorch.callbacks import EarlyStopping


def state(model):
    """Fitted attributes; the same objects as long as nothing is fitted anew."""
    names = [n for n in vars(model) if n.endswith("_") or n == "_fit_result"]
    return {name: getattr(model, name) for name in names}


FAILURES = {
    "infinity": ({}, np.inf, "contains infinity"),
    "width of a layer": ({"hidden_layer_sizes": (0,)}, 0, "hidden_layer_sizes=(0,)"),
    "parameter": ({"tol": -1}, 0, "The 'tol' parameter"),
    "too many codes": ({"n_components": 9}, 0, "n_components=9 must be at most"),
    "device": ({"device": "gpu"}, 0, "device='gpu'"),
    "divergence": ({"learning_rate_init": 1e30}, 0, "Training diverged"),
    "warm start": ({"warm_start": True}, 0, "warm_start=True continues a fit with"),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_failed_refit_leaves_the_old_fit_as_it_was(quick, linear, failure):
    model = quick().fit(linear)
    before = state(model)
    codes, weights = model.transform(linear), model.net_.module_.state_dict()
    weights = {name: tensor.clone() for name, tensor in weights.items()}
    changes, added, message = FAILURES[failure]
    with pytest.raises(ValueError, match=re.escape(message)):
        model.set_params(**changes).fit(linear[:, :4] + added)
    after = state(model)
    assert before.keys() == after.keys()
    assert all(before[name] is after[name] for name in before)
    assert model.n_features_in_ == 6
    assert_array_equal(model.transform(linear), codes)
    for name, tensor in model.net_.module_.state_dict().items():
        assert torch.equal(tensor, weights[name])


def test_failed_refit_keeps_the_names_of_the_columns(quick, linear):
    model = quick().fit(pd.DataFrame(linear, columns=list("abcdef")))
    with pytest.raises(ValueError, match="contains infinity"):
        model.fit(pd.DataFrame({"x": [1.0, np.inf], "y": [1.0, 2.0]}))
    assert list(model.feature_names_in_) == list("abcdef")


def test_successful_refit_forgets_the_names_of_the_columns(quick, linear):
    model = quick().fit(pd.DataFrame(linear, columns=list("abcdef")))
    model.fit(linear[:, :4])
    assert not hasattr(model, "feature_names_in_")
    assert model.n_features_in_ == 4


@pytest.mark.parametrize(("n_features", "n_components"), [(4, 2), (6, 3)])
def test_warm_start_refuses_other_sizes(quick, linear, n_features, n_components):
    model = quick(2, warm_start=True).fit(linear)
    model.set_params(n_components=n_components)
    message = (
        "warm_start=True continues a fit with (n_features, n_components)=(6, 2), but "
        f"now it is ({n_features}, {n_components}). Set warm_start=False."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        model.fit(linear[:, :n_features])


@pytest.mark.parametrize(
    "changes",
    [
        {"hidden_layer_sizes": (8,)},
        {"activation": "tanh"},
        {"init": "random"},
    ],
    ids=str,
)
def test_warm_start_refuses_another_network(quick, linear, changes):
    model = quick(2, warm_start=True).fit(linear)
    with pytest.raises(ValueError, match=r"warm_start=True continues a fit with"):
        model.set_params(**changes).fit(linear)


def test_warm_start_goes_on_where_it_stopped(quick, curved):
    model = quick(warm_start=True, random_state=1).fit(curved)
    losses, first = [model.best_loss_], model.loss_curve_[0]
    for _ in range(3):
        losses.append(model.fit(curved).best_loss_)
        assert model.loss_curve_[0] < 0.8 * first
        assert len(model.loss_curve_) == model.n_iter_ == 4
    assert_array_less(losses[1:], np.array(losses[:-1]) + 1e-12)
    assert losses[-1] < 0.7 * losses[0]


def test_warm_start_goes_on_from_a_random_start(quick, curved):
    model = quick(warm_start=True, init="random").fit(curved)
    before = model.best_loss_
    assert model.fit(curved).best_loss_ < before


@pytest.mark.parametrize("learning_rate_init", [1e-9, 0.03, 3.0])
def test_warm_start_of_early_stopping_is_not_worse(quick, curved, learning_rate_init):
    model = quick(warm_start=True, early_stopping=True, max_iter=20, tol=0.0)
    before = model.fit(curved).best_loss_
    # Large steps make the fit much worse.
    model.set_params(learning_rate_init=learning_rate_init, max_iter=1)
    assert model.fit(curved).best_loss_ <= before * (1 + 1e-5)


@pytest.mark.parametrize("learning_rate_init", [2.0, 10.0])
def test_warm_start_that_training_ruins_is_the_previous_fit(
    quick, curved, learning_rate_init
):
    model = quick(warm_start=True).fit(curved)
    before = model.score(curved)
    model.set_params(learning_rate_init=learning_rate_init).fit(curved)
    assert_allclose(model.score(curved), before, rtol=1e-5)


def test_warm_start_keeps_mean_and_basis_of_the_first_fit(quick, curved):
    model = quick(warm_start=True).fit(curved[:200])
    mean = model.mean_
    codes = model.fit(curved[40:]).transform(curved[40:])
    assert_allclose(model.mean_, mean)
    assert_allclose(codes.mean(axis=0), 0, atol=1e-10)


def test_warm_start_can_whiten_afterwards(quick, curved):
    model = quick(warm_start=True).fit(curved)
    codes = model.set_params(whiten=True).fit(curved).transform(curved)
    assert_allclose(np.cov(codes.T), np.eye(2), atol=1e-8)


def test_without_warm_start_a_refit_starts_afresh(quick, curved):
    model = quick().fit(curved)
    first = model.loss_curve_
    assert model.fit(curved).loss_curve_ == first


def test_warm_start_of_a_first_fit_changes_nothing(quick, curved):
    first, second = (quick(warm_start=warm).fit(curved) for warm in (False, True))
    assert first.loss_curve_ == second.loss_curve_


def test_continuing_a_fit_that_no_fold_confirmed_trains(quick, curved, monkeypatch):
    monkeypatch.setattr(
        "sklearn_ae._fit.train.cross_validated_shrinkage",
        lambda *args: 0.0,
    )
    model = quick(2, cv=2, warm_start=True).fit(curved)
    assert model.shrinkage_ == 0.0
    before = model.score(curved)
    model.set_params(max_iter=20).fit(curved)
    assert model.shrinkage_ == 1.0
    assert model.score(curved) > before


def test_callback_that_restores_weights_does_not_undo_the_shrinkage(quick, noise):
    stopping = EarlyStopping(monitor="train_loss", patience=3, load_best=True)
    model = quick(2, cv=2, callbacks=[stopping], max_iter=8).fit(noise)
    assert model.score(noise) >= model.pca_score_ - 1e-9


def test_warm_start_refuses_columns_in_another_order(quick, linear):
    X = pd.DataFrame(linear, columns=list("abcdef"))
    model = quick(warm_start=True).fit(X)
    model.fit(X)
    with pytest.raises(ValueError, match="feature names should match"):
        model.fit(X.iloc[:, ::-1])


def test_continuing_a_bounded_fit_that_is_pca_stays_above_it(quick):
    X = 0.008 * np.random.default_rng(0).uniform(size=(60, 8))
    model = quick(3, output_activation="logistic", max_iter=2, warm_start=True).fit(X)
    assert model.shrinkage_ == 0
    first = model.score(X)
    assert model.fit(X).score(X) >= first
