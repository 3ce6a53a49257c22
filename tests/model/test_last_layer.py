"""The regression that ends a guarded fit."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.decomposition import PCA
from torch import nn

from sklearn_ae import AutoencoderTransformer, FullyConnected
from sklearn_ae._data.linear_start import LinearStart
from sklearn_ae._fit.trainer import Architecture, build_module
from sklearn_ae._model.autoencoder import LogisticSum, Sum
from sklearn_ae._model.last_layer import (
    PENALTIES,
    SMALLEST_REFIT_GAIN,
    LastLayer,
    best_penalty,
    can_be_refitted,
)
from sklearn_ae._training.losses import AbsoluteError, SquaredError
from sklearn_ae._training.objective import Objective
from sklearn_ae._training.rows import Rows

ARCHITECTURE = Architecture(2, (9, 7), "tanh", "identity", "identity", "pca", 0, 0)
OBJECTIVE = Objective(cell_loss=SquaredError(), total=1.0, unit=1.0)


@pytest.fixture(params=[6, 70], ids=["all columns", "subspace"])
def drawn(request):
    """Return a module whose weights were drawn, and rows of a table."""
    random = np.random.default_rng(0)
    columns = request.param
    factors = np.sin(3 * random.standard_normal((120, 4)))
    table = factors @ random.standard_normal((4, columns))
    table += 0.01 * random.standard_normal(table.shape) * (np.arange(columns) < 8)
    start = LinearStart.from_data(table, 2, seed=0)
    assert (start.subspace is None) == (columns < 64)
    module = build_module(start, ARCHITECTURE, seed=0)
    generator = torch.Generator().manual_seed(1)
    for parameter in module.parameters():
        nn.init.uniform_(parameter.data, -1, 1, generator=generator)
    return module, Rows.from_data(table, None, start)


def loss(module, rows):
    return OBJECTIVE.loss(module, rows)


def refit(module, rows, penalty, repetitions=1.0):
    """Refit the last layer; return its weight."""
    layer = LastLayer(module, rows, repetitions, [penalty])
    layer.refit(penalty)
    return layer.weight.detach().clone()


def least_squares(module, rows, weight=None):
    """Return the loss that no last layer can fall below."""
    with torch.no_grad():
        code = module.raw_encode(rows.x)
        hidden = module.network.decoder.hidden(code / module.code_scale).double()
        left = (rows.x - module.raw_decode(code)).double()
    steps = torch.diag(module.residual_scale)
    if module.subspace is not None:
        steps = module.subspace * module.residual_scale
    root = torch.ones(len(left), 1) if weight is None else weight.sqrt()
    hidden = torch.cat([hidden, torch.ones(len(hidden), 1)], dim=1) * root
    basis = np.linalg.qr(hidden.numpy())[0]
    span = np.linalg.qr(steps.double().numpy().T)[0]
    left = (left * root).numpy()
    return np.square(left - basis @ (basis.T @ left) @ span @ span.T).sum()


SMALL = 1e-9  # a penalty without effect


def test_refit_with_a_small_penalty_is_least_squares(drawn):
    module, rows = drawn
    expected = least_squares(module, rows)
    assert loss(module, rows) > 2 * expected
    refit(module, rows, SMALL)
    assert_allclose(loss(module, rows), expected, rtol=1e-4)


def test_penalty_leads_from_the_optimum_to_no_change_but_of_the_mean(drawn):
    module, rows = drawn
    penalties = [SMALL, *PENALTIES[::-1], 1e12]
    layer = LastLayer(module, rows, 1.0, penalties)
    losses = []
    for penalty in penalties:
        with layer.refitted(penalty):
            losses.append(loss(module, rows))
    assert np.all(np.diff(losses) > 0)
    with layer.refitted(1e12), torch.no_grad():
        error = rows.x - module.reconstruct(rows.x)
    with torch.no_grad():
        trained = rows.x - module.reconstruct(rows.x)
    moved = trained.mean(dim=0) - error.mean(dim=0)
    assert_allclose(error.numpy(), (trained - moved).numpy(), atol=2e-5)


def test_refit_for_a_while_leaves_no_trace(drawn):
    module, rows = drawn
    before = {name: value.clone() for name, value in module.state_dict().items()}
    layer = LastLayer(module, rows, 1.0)
    for penalty in (None, 1.0):
        with layer.refitted(penalty):
            pass
    for name, value in module.state_dict().items():
        assert torch.equal(value, before[name])


def test_weighted_rows_count_as_often(drawn):
    module, rows = drawn
    weight = torch.arange(len(rows), dtype=torch.float32)[:, None] % 3
    weighted = Rows(rows.x, weight, weight)
    expected = least_squares(module, rows, weight.double())
    refit(module, weighted, SMALL)
    assert_allclose(loss(module, weighted), expected, rtol=1e-4)


@pytest.mark.parametrize("times", [torch.arange(120) % 4, torch.full((120,), 5)])
def test_weighted_rows_lead_to_the_weights_of_repeated_ones(drawn, times):
    module, rows = drawn
    mean = times.float().mean()
    weight = times[:, None] / mean  # as rows have it
    before = {name: value.clone() for name, value in module.state_dict().items()}
    weighted = refit(module, Rows(rows.x, weight, weight), 30.0, float(mean))
    module.load_state_dict(before)
    repeated = refit(module, Rows(rows.x.repeat_interleave(times, dim=0)), 30.0)
    assert_allclose(weighted.numpy(), repeated.numpy(), rtol=1e-4, atol=1e-5)


def test_features_without_variance_are_left_alone(drawn):
    module, rows = drawn
    with torch.no_grad():
        module.network.decoder.curved[0].weight.zero_()
    layer = LastLayer(module, rows, 1.0, [1.0, 1e12])
    with layer.refitted(1e12):
        only_mean = module.reconstruct(rows.x).detach().numpy()
    with layer.refitted(1.0):
        assert layer.weight.abs().max() < 1e3
        refitted = module.reconstruct(rows.x).detach().numpy()
    assert_allclose(refitted, only_mean, atol=1e-4)


def gaining(*gains):
    return np.array([1.0, *(1.0 - gain for gain in gains)])


@pytest.mark.parametrize(
    ("gains", "expected"),
    [
        ((0.1, 0.2, 0.1), 10.0),
        ((0.15, 0.2, 0.1), 100.0),
        ((0.2, 0.2, 0.2), 100.0),
        ((-1, -1, 0.2), 1.0),
        ((0.9 * SMALLEST_REFIT_GAIN,) * 3, None),
        ((-0.1,) * 3, None),
    ],
)
def test_largest_penalty_with_most_of_the_gain_is_chosen(gains, expected):
    assert best_penalty(gaining(*gains)) == expected


def test_nothing_is_refitted_where_losses_are_not_numbers():
    assert best_penalty(np.full(4, np.nan)) is None


class Own(FullyConnected):
    """A user's network: who knows what its decoder does."""


def test_other_problems_have_no_least_squares_layer(drawn):
    module, rows = drawn
    assert OBJECTIVE.is_least_squares(module)
    assert can_be_refitted(module, rows)
    holes = Rows(rows.x, None, torch.ones_like(rows.x))
    assert not can_be_refitted(module, holes)
    absolute = Objective(cell_loss=AbsoluteError(), total=1.0, unit=1.0)
    assert not absolute.is_least_squares(module)
    noisy = replace(OBJECTIVE, corruption=object())
    assert not noisy.is_least_squares(module)
    module.output = LogisticSum(mean=torch.zeros(1), scale=torch.ones(()))
    assert not OBJECTIVE.is_least_squares(module)
    module.output = Sum()
    module.network.__class__ = Own
    assert not OBJECTIVE.is_least_squares(module)


def stretched(n_samples):
    """Return columns that bend much where few rows are."""
    t = np.random.default_rng(0).standard_normal(n_samples)
    return np.column_stack([t, np.sin(4 * t), np.cos(6 * t), t**3 / 10])


def test_guarded_fit_ends_with_the_refit_that_its_fold_confirms(quick, monkeypatch):
    X, new = stretched(800)[:600], stretched(800)[600:]
    penalties = []
    refit = LastLayer.refit

    def told(self, penalty):
        penalties.append(penalty)
        refit(self, penalty)

    monkeypatch.setattr(LastLayer, "refit", told)
    refitted = quick(1, cv="auto", transform_max_iter=0).fit(X)
    # On the fold each penalty, and the chosen one for each factor; on all rows that.
    assert penalties[:3] == list(PENALTIES)
    assert len(penalties) >= 3 + 2 + 1
    assert len(set(penalties[3:])) == 1
    penalties.clear()
    quick(1, cv="auto").fit(X)
    # The same for the encoder's codes, and for those of transform.
    assert penalties[:3] == list(PENALTIES)
    assert any(
        penalties[i : i + 3] == list(PENALTIES) for i in range(5, len(penalties) - 3)
    )
    monkeypatch.setattr("sklearn_ae._fit.guard.best_penalty", lambda losses: None)
    trained = quick(1, cv="auto", transform_max_iter=0).fit(X)
    assert refitted.score(X) > trained.score(X)
    assert refitted.score(new) > trained.score(new)


@pytest.mark.parametrize(
    "changes",
    [
        {"nested_dropout": 0.3},
        {"noise": 0.1},
        {"loss": "huber"},
        {"cv": None},
        {"init": "random"},
    ],
    ids=str,
)
def test_fits_that_are_not_least_squares_go_without(quick, monkeypatch, changes):
    def refuse(*args):
        raise AssertionError("a last layer was looked at")

    monkeypatch.setattr("sklearn_ae._fit.trainer.LastLayer", refuse)
    quick(1, **{"cv": "auto", **changes}).fit(stretched(200))


def test_fold_whose_pca_leaves_nothing_in_a_subspace(quick):
    random = np.random.default_rng(0)
    X = np.zeros((40, 70))
    X[:6] = random.integers(-2, 3, (6, 3)) @ random.integers(-2, 3, (3, 70))
    X[6:12] = -X[:6]
    rows = np.arange(40)
    model = quick(1, cv=[(rows[12:], rows[:12])]).fit(X)
    assert np.isfinite(model.transform(X)).all()


def test_refitted_estimator_is_the_same_after_pickling(quick):
    X = stretched(600)
    model = quick(1, cv="auto").fit(X)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(
        again.inverse_transform(again.transform(X)),
        model.inverse_transform(model.transform(X)),
    )


def test_repeated_rows_do_not_confirm_what_was_learned_of_them(quick):
    random = np.random.default_rng(0)
    factors = np.sin(
        2 * random.uniform(0, 3, (600, 2)) @ random.standard_normal((2, 20))
    )
    table = factors + 0.5 * random.standard_normal(factors.shape)
    X, new = np.tile(table[:100], (3, 1)), table[100:]
    model = quick(3, cv="auto", max_iter=38, batch_size="auto").fit(X)
    linear = PCA(3).fit(X)
    restored = linear.inverse_transform(linear.transform(new))
    lost_by_pca = np.square(new - restored).sum()
    restored = model.inverse_transform(model.transform(new))
    assert np.square(new - restored).sum() < 1.02 * lost_by_pca


def test_continued_fit_is_refitted_too(quick, tmp_path):
    X = stretched(600)
    model = quick(1, cv="auto", warm_start=True).fit(X)
    assert model.net_.refit_penalty in PENALTIES
    before = model.score(X)
    model.save(tmp_path / "model.safetensors")
    loaded = AutoencoderTransformer.load(tmp_path / "model.safetensors")
    assert loaded.fit(X).score(X) > before
    assert loaded.score(X) == model.fit(X).score(X)


def test_wide_layers_are_not_refitted(quick, monkeypatch):
    monkeypatch.setattr("sklearn_ae._model.last_layer.MAX_WIDTH", 3)
    model = quick(1, cv="auto", hidden_layer_sizes=(4, 2)).fit(stretched(200))
    assert model.net_.refit_penalty is None
