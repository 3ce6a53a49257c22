"""The autoencoders of the textbooks: bounded outputs, cross-entropy, sparse codes."""

import itertools
import re

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.decomposition import PCA
from sklearn.preprocessing import minmax_scale
from torch import nn


@pytest.fixture
def shares(curved):
    """Rows on the curved surface, between 0 and 1."""
    return minmax_scale(curved)


@pytest.fixture
def images():
    """Rows of 784 values between 0 and 1."""
    return np.random.default_rng(0).random((60, 784))


def test_textbook_network_has_its_layers_and_no_others(quick, images):
    model = quick(
        3,
        hidden_layer_sizes=(128, 64, 12),
        activation="relu",
        output_activation="logistic",
        init="random",
        max_iter=1,
    ).fit(images)
    module = model.net_.module_
    sizes = (784, 128, 64, 12, 3, 12, 64, 128, 784)
    linear = [layer for layer in module.modules() if isinstance(layer, nn.Linear)]
    found = [(layer.in_features, layer.out_features) for layer in linear]
    assert found == list(itertools.pairwise(sizes))
    n_parameters = sum(layer.weight.numel() + layer.bias.numel() for layer in linear)
    assert n_parameters == 219_891
    assert sum(p.numel() for p in module.parameters()) == n_parameters
    kinds = [type(layer) for layer in module.modules()]
    assert kinds.count(nn.ReLU) == 6
    assert kinds.count(nn.Sigmoid) == 1


def test_textbook_network_computes_what_torch_does(quick, images):
    model = quick(
        3,
        hidden_layer_sizes=(8,),
        activation="relu",
        output_activation="logistic",
        init="random",
        max_iter=2,
    ).fit(images)
    inner = model.net_.module_.network
    with torch.inference_mode():
        expected = inner.decode(inner.encode(torch.from_numpy(images))).sigmoid()
    found = model.inverse_transform(model.transform(images))
    assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("init", ["pca", "random"])
@pytest.mark.parametrize("loss", ["squared_error", "log_loss"])
@pytest.mark.parametrize("changes", [{"cv": 3}, {"early_stopping": True}])
def test_bounded_output_stays_between_0_and_1(quick, shares, init, loss, changes):
    model = quick(
        init=init, loss=loss, output_activation="logistic", max_iter=30, **changes
    ).fit(shares)
    codes = 3 * model.transform(shares)  # far out as well
    found = model.inverse_transform(codes)
    assert found.min() >= 0
    assert found.max() <= 1
    assert model.best_loss_ < 1
    if init == "pca":
        assert model.score(shares) > model.pca_score_ + 0.02


@pytest.mark.parametrize("loss", ["squared_error", "log_loss"])
@pytest.mark.parametrize("cv", [None, 3])
def test_bounded_output_is_never_below_pca(quick, loss, cv):
    X = np.random.default_rng(0).random((60, 5))
    model = quick(loss=loss, output_activation="logistic", cv=cv).fit(X)
    assert model.score(X) >= model.pca_score_ - 1e-9


@pytest.mark.parametrize("early_stopping", [False, True])
def test_bounded_fit_is_not_below_pca(quick, early_stopping):
    # Close to 0 the logit of PCA's reconstruction is far from what PCA says.
    rng = np.random.default_rng(0)
    X = (rng.random((200, 2)) @ rng.standard_normal((2, 12)) * 0.02).clip(0, 1)
    model = quick(
        output_activation="logistic",
        learning_rate_init=1e-6,
        early_stopping=early_stopping,
    ).fit(X)
    assert model.shrinkage_ == 0
    assert model.score(X) > 0.9


def test_pca_with_a_bounded_output_is_cut_off(quick, shares):
    model = quick(output_activation="logistic", hidden_layer_sizes=()).fit(shares)
    pca = PCA(2).fit(shares)
    expected = pca.inverse_transform(pca.transform(shares)).clip(0, 1)
    found = model.inverse_transform(model.transform(shares))
    assert_allclose(found, expected, atol=1e-9)


def test_cross_entropy_is_what_best_loss_says(quick, shares):
    model = quick(loss="log_loss", output_activation="logistic", max_iter=10)
    found = model.fit(shares).inverse_transform(model.transform(shares))

    def divergence(p):
        p, x = (torch.from_numpy(np.clip(part, 0, 1)) for part in (p, shares))
        cross = nn.functional.binary_cross_entropy(p, x, reduction="sum")
        return float(cross - nn.functional.binary_cross_entropy(x, x, reduction="sum"))

    mean = np.broadcast_to(model.mean_, shares.shape)
    expected = divergence(found) / divergence(mean)
    assert model.best_loss_ == pytest.approx(expected, rel=1e-5)


def test_validation_loss_is_in_the_units_of_the_loss(quick, shares):
    model = quick(
        loss="log_loss",
        output_activation="logistic",
        early_stopping=True,
        max_iter=30,
        tol=0.0,
    ).fit(shares)
    best = min(model.validation_loss_curve_)
    assert model.best_loss_ == pytest.approx(best, rel=1e-4)


@pytest.mark.parametrize("loss", ["squared_error", "log_loss"])
@pytest.mark.parametrize("value", [-0.1, 1.1])
def test_data_out_of_bounds_are_refused_before_training(quick, shares, loss, value):
    X = shares.copy()
    X[3, 4] = value
    message = "output_activation='logistic' needs values between 0 and 1, but those of"
    with pytest.raises(ValueError, match=re.escape(message)):
        quick(loss=loss, output_activation="logistic").fit(X)


def test_bounded_output_needs_bounds_of_rows_that_count(quick, shares):
    weight = np.ones(len(shares))
    weight[3] = 0
    X = np.where(weight[:, None] == 0, 7.0, shares)
    model = quick(output_activation="logistic", max_iter=1)
    assert model.fit(X, sample_weight=weight).score(shares) > 0
    with pytest.raises(ValueError, match="rows in which every value is missing"):
        model.fit(np.full((5, 3), np.nan))


@pytest.mark.parametrize("loss", ["squared_error", "log_loss"])
def test_bounds_may_be_missed_by_rounding(quick, shares, loss):
    X = shares.copy()
    X[3, 4], X[4, 3] = np.nextafter(1.0, 2.0), -1e-17
    model = quick(loss=loss, output_activation="logistic").fit(X)
    assert 0 < model.best_loss_ < 1


def test_cross_entropy_needs_a_bounded_output(quick, shares):
    with pytest.raises(ValueError, match=re.escape("Set output_activation='logistic'")):
        quick(loss="log_loss").fit(shares)


def test_bounded_output_takes_missing_cells(quick, shares):
    X = shares.copy()
    X[::5, 2] = np.nan
    model = quick(output_activation="logistic", loss="log_loss", cv=3).fit(X)
    filled = model.inverse_transform(model.transform(X))
    assert np.isfinite(filled).all()


@pytest.fixture
def sparse(quick):
    """Return a factory of estimators with more codes than columns, many of them 0."""

    def build(penalty=0.05, **parameters):
        defaults = {
            "hidden_layer_sizes": (32,),
            "init": "random",
            "code_activation": "relu",
            "max_iter": 150,
            "learning_rate_init": 0.01,
        }
        return quick(20, code_penalty=penalty, **{**defaults, **parameters})

    return build


def test_penalty_makes_codes_sparse(sparse, curved):
    shares = [
        np.mean(sparse(penalty).fit_transform(curved) != 0) for penalty in (0.0, 0.1)
    ]
    assert shares[1] < 0.6 * shares[0]


@pytest.mark.parametrize("whiten", [False, True])
def test_zeros_of_the_codes_stay_zeros(sparse, curved, whiten):
    model = sparse(whiten=whiten).fit(curved)
    codes = model.transform(curved)
    raw = model.net_.module_.raw_encode(
        torch.from_numpy((curved - model.mean_) / model._fit_result.start.scale)
    ).numpy()
    assert (codes >= 0).all()
    assert np.sum(codes == 0) == np.sum(raw == 0) > 0


def test_sparse_codes_are_ordered_and_scaled_by_what_they_explain(sparse, curved):
    model = sparse().fit(curved)
    codes = model.transform(curved)
    ratio = model.explained_variance_ratio_
    assert (np.diff(ratio) <= 0).all()
    assert_allclose(ratio.sum(), model.score(curved), rtol=1e-9)
    centred = curved - curved.mean(axis=0)
    alive = codes.std(axis=0) > 0
    explained = [
        np.sum((centred.T @ (code - code.mean()) / len(code)) ** 2) / code.var()
        for code in codes.T[alive]
    ]
    assert_allclose(codes.var(axis=0)[alive], explained, rtol=1e-6)


def test_whitened_sparse_codes_have_unit_variance(sparse, curved):
    codes = sparse(whiten=True).fit_transform(curved)
    variances = codes.var(axis=0, ddof=1)
    assert_allclose(variances[variances > 0], 1.0, rtol=1e-9)


def test_sparse_codes_decode_to_the_reconstruction(sparse, curved):
    model = sparse().fit(curved)
    found = model.inverse_transform(model.transform(curved))
    error = np.sum((curved - found) ** 2) / np.sum((curved - model.mean_) ** 2)
    assert 1 - error == pytest.approx(model.score(curved), rel=1e-9)


@pytest.mark.parametrize(
    "changes", [{"code_penalty": 0.1}, {"code_activation": "relu"}]
)
def test_sparse_codes_need_a_random_start(quick, curved, changes):
    (name, value), *_ = changes.items()
    message = f"{name}={value!r} needs init='random'"
    with pytest.raises(ValueError, match=re.escape(message)):
        quick(**changes).fit(curved)


@pytest.mark.parametrize(
    "changes",
    [
        {"init": "random", "code_activation": "relu", "output_activation": "logistic"},
        {"loss": "log_loss", "output_activation": "logistic"},
        {"init": "random", "code_penalty": 0.1, "noise": ("swap", 0.1)},
    ],
)
def test_classics_can_be_saved(quick, shares, tmp_path, changes):
    model = quick(max_iter=3, **changes).fit(shares)
    model.save(tmp_path / "model.safetensors")
    loaded = type(model).load(tmp_path / "model.safetensors")
    assert_allclose(loaded.transform(shares), model.transform(shares), rtol=0, atol=0)
    found = loaded.inverse_transform(loaded.transform(shares))
    expected = model.inverse_transform(model.transform(shares))
    assert_allclose(found, expected, rtol=0, atol=0)
