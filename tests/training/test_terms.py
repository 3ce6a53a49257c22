"""A loss of one's own, and penalties beside it: functions of named tensors."""

import pickle
import re
import traceback
from functools import partial

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from torch import nn

import sklearn_ae


def squares(reconstruction, rows):
    return (reconstruction - rows).square()


def squares_of_rows(reconstruction, rows):
    return squares(reconstruction, rows).sum(dim=1)


def distances(reconstruction, rows):
    return (reconstruction - rows).abs()


def contractive(rows, network, strength=0.1):
    """Squared Frobenius norm of the encoder's Jacobian (Rifai et al., 2011)."""
    rows = rows.detach().requires_grad_()
    slopes = [
        torch.autograd.grad(code.sum(), rows, create_graph=True)[0]
        for code in network.encode(rows).unbind(dim=1)
    ]
    return strength * sum(slope.square().sum(dim=1) for slope in slopes)


@pytest.mark.parametrize("init", ["pca", "random"])
@pytest.mark.parametrize("own", [squares, squares_of_rows])
def test_own_squared_error_trains_as_the_built_in_one(quick, curved, init, own):
    given = {"init": init, "max_iter": 10}
    # Far from zero and in other units, which the training itself does not see.
    X = 5 * curved + 3
    wanted = quick(loss="squared_error", transform_max_iter=0, **given).fit(X)
    found = quick(loss=own, **given).fit(X)
    assert_allclose(found.loss_curve_, wanted.loss_curve_, rtol=1e-3)
    assert_allclose(found.best_loss_, wanted.best_loss_, rtol=1e-3)
    assert found.score(X) > 0.5


def test_the_name_in_a_list_is_the_name(quick, curved):
    codes = [quick(loss=loss).fit_transform(curved) for loss in ("huber", ["huber"])]
    assert_array_equal(*codes)


def test_what_knows_squared_errors_alone_is_left_out_beside_penalties(quick, curved):
    penalised = ["squared_error", lambda codes: 0 * codes.sum()]
    for loss, is_known in (("squared_error", True), (penalised, False)):
        model = quick(loss=loss, cv=3, max_iter=20).fit(curved)
        assert (model.net_.module_.steps is not None) is is_known
        assert model.net_.is_refitted is is_known


def test_the_loss_decides_how_much_is_kept(quick, curved):
    """One that finds all reconstructions alike, except in training, leaves PCA."""

    def alike(reconstruction, rows):
        trains = reconstruction.requires_grad
        return squares(reconstruction, rows) if trains else rows.square()

    kept, left = (
        quick(loss=loss, cv=3, max_iter=20).fit(curved).shrinkage_
        for loss in (squares, alike)
    )
    assert kept > 0
    assert left == 0.0


def test_no_worse_than_pca_in_the_loss_asked_for(quick, curved):
    def lost(model):
        left = model.inverse_transform(model.transform(curved)) - curved
        return np.abs(left).sum()

    pca = quick(learning_rate_init=1e-12, max_iter=1).fit(curved)
    model = quick(loss=distances, max_iter=30, cv=3).fit(curved)
    assert lost(model) < 0.9 * lost(pca)
    deviations = np.abs(curved - curved.mean(axis=0)).sum()
    assert_allclose(model.best_loss_, lost(model) / deviations, rtol=1e-6)


def test_early_stopping_measures_the_loss_of_held_out_rows(quick, curved):
    model = quick(loss=squares, early_stopping=True, max_iter=10).fit(curved)
    assert_allclose(model.best_loss_, min(model.validation_loss_curve_), rtol=1e-3)


def test_all_named_tensors_in_the_units_of_the_data(quick, curved):
    seen = {}

    def penalty(reconstruction, rows, codes, weights, network, loss):
        seen.update(locals())
        seen["again"] = network.encode(rows), network.decode(codes)
        assert all(weight.requires_grad for weight in network.parameters())
        return 0 * codes.sum()

    weight = np.arange(len(curved)) % 3 + 1.0
    X = 5 * curved + 3
    model = quick(loss=["squared_error", penalty], init="random", batch_size=240)
    model.fit(X, sample_weight=weight)
    rows, weights = seen["rows"].double(), seen["weights"].double()
    order = np.lexsort(rows.numpy().T)
    wanted = np.lexsort(X.T)
    assert_allclose(rows[order], X[wanted], atol=1e-4)
    assert_allclose(weights[order, 0], (weight / weight.mean())[wanted], rtol=1e-5)
    assert seen["codes"].shape == (240, 2)
    for one, again in zip(("codes", "reconstruction"), seen["again"], strict=True):
        assert_allclose(again.detach(), seen[one].detach(), rtol=1e-3, atol=1e-3)
    squared = (seen["reconstruction"].detach() - rows).square() * weights
    assert_allclose(float(seen["loss"]), float(squared.sum(dim=1).mean()), rtol=1e-4)


def test_network_of_ones_own_is_seen_through(quick, curved):
    class Linear(nn.Module):
        def __init__(self, n_features, n_components):
            super().__init__()
            self.encode = nn.Linear(n_features, n_components)
            self.decode = nn.Linear(n_components, n_features)
            self.mine = 3

    seen = []

    def penalty(network):
        seen.append(network.mine)
        return torch.zeros(())

    quick(loss=["huber", penalty], module=Linear).fit(curved)
    assert set(seen) == {3}


def test_network_can_be_called_for_reconstructions(quick, curved):
    seen = []

    def penalty(network, rows, reconstruction):
        seen.append((network(rows) - reconstruction).abs().max().item())
        return torch.zeros(())

    quick(loss=["squared_error", penalty]).fit(curved)
    assert max(seen) < 1e-5


def test_losses_see_float32_whatever_else_is_measured(quick, curved):
    weight = torch.rand(12, 12)

    def mine(reconstruction, rows):
        return ((reconstruction - rows) @ weight).square()

    model = quick(loss=mine, early_stopping=True).fit(curved)
    assert 0 < model.best_loss_ < 1


def test_loss_that_cannot_become_zero_is_told_of(quick, curved):
    def mine(reconstruction, rows):
        return (reconstruction - rows).square() + 1

    with pytest.warns(UserWarning, match=r"mine is 12 where .* Subtract what") as found:
        model = quick(loss=mine).fit(curved)
    assert found[0].filename == __file__
    assert model.best_loss_ > 0.5


def test_loss_can_be_a_module(quick, curved):
    class Squares(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("factor", torch.tensor(2.0))

        def forward(self, reconstruction, rows):
            return self.factor * (reconstruction - rows).square()

    mine = Squares()
    model = quick(loss=mine).fit(curved)
    assert mine.training
    assert mine.factor.dtype == torch.float32
    assert model.loss_curve_ == pytest.approx(
        quick(loss=lambda *, reconstruction, rows: (reconstruction - rows).square())
        .fit(curved)
        .loss_curve_,
        rel=1e-3,
    )


@pytest.mark.parametrize("is_penalty", [False, True])
def test_modules_stay_what_they_were(quick, curved, is_penalty):
    class Weighted(nn.Module):
        def __init__(self):
            super().__init__()
            self.factor = nn.Parameter(torch.ones(()))

        def forward(self, reconstruction, rows):
            return self.factor * squares_of_rows(reconstruction, rows)

    mine = Weighted()
    model = quick(loss=["squared_error", mine] if is_penalty else mine)
    first = model.fit(curved).loss_curve_
    assert mine.factor.item() == 1
    assert mine.factor.grad is None
    assert mine.training
    assert model.fit(curved).loss_curve_ == first


@pytest.mark.parametrize("weights", [None, 2.0])
def test_penalties_of_rows_count_as_the_rows_do(quick, curved, weights):
    """One that is a multiple of the loss of a row multiplies what training pays."""

    def again(reconstruction, rows):
        return 3 * squares_of_rows(reconstruction, rows)

    weight = None if weights is None else np.arange(len(curved)) % 3 + weights
    given = {"max_iter": 1, "learning_rate_init": 1e-12, "init": "random"}
    alone, more = (
        quick(loss=loss, **given).fit(curved, sample_weight=weight)
        for loss in ("squared_error", ["squared_error", again])
    )
    assert_allclose(more.loss_curve_[0], 4 * alone.loss_curve_[0], rtol=1e-5)
    assert more.best_loss_ == alone.best_loss_


@pytest.mark.parametrize("init", ["pca", "random"])
def test_contractive_penalty_flattens_the_encoder(quick, curved, init):
    last = []
    for strength in (0.0, 1.0):
        seen = []

        def penalty(rows, network, strength=strength, seen=seen):
            norms = contractive(rows, network, strength=1.0)
            seen.append(float(norms.mean().detach()))
            return strength * norms

        quick(loss=["squared_error", penalty], init=init, max_iter=20).fit(curved)
        last.append(seen[-1])
    assert last[1] < 0.8 * last[0]


class Heavy(nn.Module):
    """Linear maps, with a cost of codes."""

    def __init__(self, n_features, n_components, cost=0.0):
        super().__init__()
        self.encode = nn.Linear(n_features, n_components)
        self.decode = nn.Linear(n_components, n_features)
        self.cost = cost

    def penalty(self, codes):
        return self.cost * codes.square().sum(dim=1)


def test_penalty_of_the_network_is_paid(quick, curved):
    spreads, losses = [], []
    for cost in (0.0, 10.0):
        model = quick(module=Heavy, module__cost=cost, init="random", max_iter=30)
        module = model.fit(curved).net_.module_
        x = torch.from_numpy(curved - model.mean_)
        spreads.append(float(module.raw_encode(x).var(dim=0).sum()))
        start = quick(module=Heavy, module__cost=cost, max_iter=1).fit(curved)
        losses.append(start.loss_curve_[0])
    assert spreads[1] < 0.8 * spreads[0]
    assert losses[1] > 2 * losses[0]  # a correction of PCA pays too


def test_error_of_the_loss_is_the_users(quick, curved):
    def mine(reconstruction, rows):
        raise KeyError("my line")

    with pytest.raises(KeyError, match="my line") as caught:
        quick(loss=mine).fit(curved)
    assert traceback.extract_tb(caught.tb)[-1].name == "mine"


@pytest.mark.parametrize(
    ("loss", "text"),
    [
        (lambda rows: rows[:3], "of shape (240, 12) or (240,), but has returned one"),
        (lambda rows: 3, "but has returned int"),
        (lambda rows: rows.long(), "torch.int64"),
        (lambda rows: rows * np.nan, "has to return finite values"),
        (lambda rows: rows.square(), "<lambda> has no gradient"),
        (lambda rows: -rows.square(), "<lambda> is below 0 on average: -"),
        (["huber", lambda rows: rows], "of shape (30,) or (), but has returned one of"),
        (["huber", lambda rows: 1 / (rows[:, 0] * 0)], "has to return finite values"),
        (lambda x: x, "<lambda> has to be a function whose arguments are named of"),
        (lambda reconstruction, y: y, "but it asks for y"),
        (lambda codes: codes, "asks for codes. Give others a default, or bind them"),
        (lambda rows, /: rows, "but it asks for rows"),
        (partial(lambda a, rows: rows, 3), "has no gradient"),
        (["huber", lambda rows: rows.sum(dim=1)], "<lambda> has no gradient"),
        (lambda **named: 0, "but it names none of them"),
        (nn.functional.mse_loss, "mse_loss has to be a function"),
        (nn.MSELoss, "MSELoss has to be a function"),
        (nn.MSELoss(), "MSELoss has to be a function"),
        ([], "loss=[] has to be one of ('squared_error',"),
        (["mse"], "loss=['mse'] has to be one of"),
        (["huber", "huber"], "loss=['huber', 'huber'] has to be one of"),
        ([contractive], "loss=['squared_error', penalty] adds a penalty"),
    ],
)
def test_wrong_losses(quick, curved, loss, text):
    with pytest.raises(ValueError, match=re.escape(text)):
        quick(loss=loss, batch_size=32).fit(curved[:, :12])


def test_log_loss_in_a_list_needs_what_it_needs(quick, curved):
    with pytest.raises(ValueError, match="Set output_activation='logistic'"):
        quick(loss=["log_loss"]).fit(curved)


def test_outliers_count_less_in_a_list_too(quick, curved):
    spoilt = curved.copy()
    spoilt[::50] *= 1000
    robust = quick(loss=["huber", contractive]).fit(spoilt)
    assert robust.mean_.max() < 10 * curved.mean(axis=0).max()


def test_bounded_rows_stay_between_0_and_1(quick, curved):
    def entropy(reconstruction, rows):
        assert reconstruction.min() >= 0
        assert reconstruction.max() <= 1
        return squares(reconstruction, rows)

    X = (curved - curved.min(axis=0)) / np.ptp(curved, axis=0)
    quick(loss=entropy, output_activation="logistic").fit(X)


def test_missing_cells_do_not_count(quick, curved):
    X = curved.copy()
    X[::3, 2] = np.nan
    own, built_in = (
        quick(loss=loss, transform_max_iter=0, max_iter=5).fit(X)
        for loss in (squares, "squared_error")
    )
    assert_allclose(own.best_loss_, built_in.best_loss_, rtol=1e-3)


def test_a_parameter_like_others(quick, curved):
    model = quick(loss=["squared_error", contractive], init="random")
    assert clone(model).loss == ["squared_error", contractive]
    fitted = pickle.loads(pickle.dumps(model.fit(curved)))
    assert_array_equal(fitted.transform(curved), model.transform(curved))
    losses = ["squared_error", distances, ["huber", contractive]]
    search = GridSearchCV(model, {"loss": losses}, cv=2).fit(curved)
    assert search.best_params_["loss"] in losses


def test_files_refuse_functions(quick, curved, tmp_path):
    model = quick(loss=squares).fit(curved)
    with pytest.raises(TypeError, match="loss cannot be saved without pickle"):
        sklearn_ae.save(model, tmp_path / "model.safetensors")


def test_further_rows_are_measured_by_it(quick, curved):
    model = quick(loss=["huber", contractive]).partial_fit(curved[:200])
    model.partial_fit(curved[200:220])
    assert model.n_samples_seen_ == 220
    assert model.score(curved) > model.pca_score_ - 0.05
