"""The ridge regression that ends a cross-validated fit."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from torch import nn

from sklearn_ae import AutoencoderTransformer, FullyConnected
from sklearn_ae._data import LinearStart, Table
from sklearn_ae._model import ridge
from sklearn_ae._model.build import Architecture, build_autoencoder
from sklearn_ae._model.losses import AbsoluteError, SquaredError
from sklearn_ae._training import Objective, Rows

ARCHITECTURE = Architecture(2, (9, 7), "tanh", "identity", "identity", "pca", 0, 0)
OBJECTIVE = Objective(cell_loss=SquaredError())


@pytest.fixture(params=[6, 70], ids=["all columns", "subspace"])
def drawn(request):
    """Return a module whose weights were drawn, and rows of a table."""
    random = np.random.default_rng(0)
    columns = request.param
    factors = np.sin(3 * random.standard_normal((120, 4)))
    X = factors @ random.standard_normal((4, columns))
    X += 0.01 * random.standard_normal(X.shape) * (np.arange(columns) < 8)
    start = LinearStart.of_table(Table.of(X), 2, seed=0)
    assert (start.subspace is None) == (columns < 64)
    module = build_autoencoder(start, ARCHITECTURE, seed=0)
    generator = torch.Generator().manual_seed(1)
    for parameter in module.parameters():
        nn.init.uniform_(parameter.data, -1, 1, generator=generator)
    return module, Rows.of_table(Table.of(X), start)


def loss(module, rows):
    return OBJECTIVE.measure(module, rows).loss


def refit(module, rows, penalty):
    """Refit the last layer; return its weight."""
    ridge.refit_last_layer(module, rows, penalty)
    return module.network.decoder.curved[-1].weight.detach().clone()


def parts_of(module, rows):
    """Return hidden outputs, what is left of rows, and what outputs span of columns."""
    with torch.no_grad():
        code = module.raw_encode(rows.x)
        hidden = module.network.decoder.curved.hidden(code / module.code_scale)
        left = rows.x - module.raw_decode(code)
    steps = torch.diag(module.residual_scale)
    if module.subspace is not None:
        steps = module.subspace * module.residual_scale
    basis = np.linalg.qr(steps.double().numpy().T)[0]
    return hidden.double().numpy(), left.double().numpy(), basis @ basis.T


def least_squares(module, rows):
    """Return the loss that no last layer can fall below."""
    hidden, left, span = parts_of(module, rows)
    root = rows.row_weight.double().sqrt().numpy()
    basis = np.linalg.qr(np.column_stack([hidden, np.ones(len(hidden))]) * root)[0]
    left = left * root
    return np.square(left - basis @ (basis.T @ left) @ span).sum()


SMALL = 1e-9  # a penalty without effect


def test_refit_with_a_small_penalty_is_least_squares(drawn):
    module, rows = drawn
    expected = least_squares(module, rows)
    assert loss(module, rows) > 2 * expected
    refit(module, rows, SMALL)
    assert_allclose(loss(module, rows), expected, rtol=1e-4)


@pytest.mark.parametrize("penalty", [1.0, 10.0, 100.0])
def test_refit_is_ridge_regression_of_what_is_left(drawn, penalty):
    module, rows = drawn
    hidden, left, span = parts_of(module, rows)
    # In units of as many rows: the hidden outputs may have any scale.
    regression = Ridge(alpha=penalty * hidden.var(axis=0).mean()).fit(hidden, left)
    with torch.no_grad():
        before = module.reconstruct(rows.x)
        refit(module, rows, penalty)
        change = module.reconstruct(rows.x) - before
    expected = regression.predict(hidden) @ span
    assert_allclose(change.numpy(), expected, atol=1e-5 * np.abs(expected).max())


def test_columns_that_pca_explains_are_not_corrected(drawn):
    module, rows = drawn
    module.residual_scale = module.residual_scale.clone()
    module.residual_scale[2] = 0.0
    assert refit(module, rows, 1.0).isfinite().all()
    with torch.no_grad():
        code = module.raw_encode(rows.x)
        correction = module.raw_decode(code) - code @ module.components
    assert correction[:, 2].abs().max() == 0.0


def test_penalty_leads_from_the_optimum_to_no_change_but_of_the_mean(drawn):
    module, rows = drawn
    before = {name: value.clone() for name, value in module.state_dict().items()}
    losses = []
    for penalty in (SMALL, 1.0, 10.0, 100.0, 1e12):
        module.load_state_dict(before)
        refit(module, rows, penalty)
        losses.append(loss(module, rows))
    assert np.all(np.diff(losses) > 0)
    with torch.no_grad():
        error = rows.x - module.reconstruct(rows.x)
        module.load_state_dict(before)
        trained = rows.x - module.reconstruct(rows.x)
    moved = trained.mean(dim=0) - error.mean(dim=0)
    assert_allclose(error.numpy(), (trained - moved).numpy(), atol=2e-5)


def test_refit_changes_the_last_layer_alone(drawn):
    module, rows = drawn
    before = {name: value.clone() for name, value in module.state_dict().items()}
    refit(module, rows, ridge.PENALTY)
    changed = {
        n for n, v in module.state_dict().items() if not torch.equal(v, before[n])
    }
    last = "network.decoder.curved.4."
    assert changed == {last + "weight", last + "bias"}


def test_weighted_rows_count_as_often(drawn):
    module, rows = drawn
    weight = torch.arange(len(rows), dtype=torch.float32)[:, None] % 3
    weighted = Rows(rows.x, weight, weight)
    expected = least_squares(module, weighted)
    refit(module, weighted, SMALL)
    assert_allclose(loss(module, weighted), expected, rtol=1e-4)


@pytest.mark.parametrize("times", [torch.arange(120) % 4, torch.full((120,), 5)])
def test_weighted_rows_lead_to_the_weights_of_repeated_ones(drawn, times):
    module, rows = drawn
    before = {name: value.clone() for name, value in module.state_dict().items()}
    weighted = refit(module, [(rows.x, times[:, None].float())], 30.0)
    module.load_state_dict(before)
    repeated = rows.x.repeat_interleave(times, dim=0)
    found = refit(module, [(repeated, torch.ones(len(repeated), 1))], 30.0)
    assert_allclose(weighted.numpy(), found.numpy(), rtol=1e-4, atol=1e-5)


def test_rows_may_come_in_blocks(drawn):
    module, rows = drawn
    before = {name: value.clone() for name, value in module.state_dict().items()}
    whole = refit(module, [(rows.x, rows.row_weight)], 1.0)
    module.load_state_dict(before)
    parts = zip(rows.x.split(50), rows.row_weight.split(50), strict=True)
    found = refit(module, parts, 1.0)
    assert_allclose(found.numpy(), whole.numpy(), rtol=1e-4, atol=1e-5)


def test_hidden_outputs_without_variance_are_left_alone(drawn):
    module, rows = drawn
    with torch.no_grad():
        module.network.decoder.curved[0].weight.zero_()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    refit(module, rows, 1e12)
    only_mean = module.reconstruct(rows.x).detach().numpy()
    module.load_state_dict(before)
    assert refit(module, rows, 1.0).abs().max() < 1e3
    refitted = module.reconstruct(rows.x).detach().numpy()
    assert_allclose(refitted, only_mean, atol=1e-4)


class Own(FullyConnected):
    """A user's network: who knows what its decoder does."""


def test_other_problems_have_no_least_squares_layer(drawn):
    module, _ = drawn
    assert OBJECTIVE.is_least_squares(module)
    assert not replace(OBJECTIVE, cell_loss=AbsoluteError()).is_least_squares(module)
    assert not replace(OBJECTIVE, corruption=object()).is_least_squares(module)


@pytest.mark.parametrize(
    "changes",
    [{"output_activation": "logistic"}, {"module": Own}, {"init": "random"}],
    ids=str,
)
def test_other_networks_have_no_free_decoder(changes):
    start = LinearStart.of_table(Table.of(stretched(50)), 2, seed=0)
    module = build_autoencoder(start, replace(ARCHITECTURE, **changes), seed=0)
    assert not module.has_free_decoder
    assert not OBJECTIVE.is_least_squares(module)
    assert not ridge.has_ridge_solution(module)


def stretched(n_samples):
    """Return columns that bend much where few rows are."""
    t = np.random.default_rng(0).standard_normal(n_samples)
    return np.column_stack([t, np.sin(4 * t), np.cos(6 * t), t**3 / 10])


def test_cross_validated_fit_ends_with_a_refit_that_pays(quick, monkeypatch):
    X, new = stretched(800)[:600], stretched(800)[600:]
    refitted = quick(1, cv="auto", transform_max_iter=0).fit(X)
    assert refitted.net_.is_refitted
    monkeypatch.setattr(
        "sklearn_ae._fit.train.has_ridge_solution", lambda module: False
    )
    trained = quick(1, cv="auto", transform_max_iter=0).fit(X)
    assert not trained.net_.is_refitted
    assert refitted.score(X) > trained.score(X)
    assert refitted.score(new) > trained.score(new)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 50.0])
def test_penalty_counts_rows_whatever_the_scale_of_their_weights(quick, scale):
    X, penalties = stretched(600), []
    model = quick(1, cv="auto", max_iter=1)
    # As many rows as the weights stand for, from one to a hundred times the rows.
    repetitions = max(scale, 1.0)
    plain = ridge.refit_last_layer

    def noted(module, blocks):
        blocks = list(blocks)
        penalties.append(sum(float(weight.sum()) for _, weight in blocks))
        plain(module, blocks)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sklearn_ae._fit.train.refit_last_layer", noted)
        model.fit(X, sample_weight=np.full(600, scale))
    assert_allclose(penalties, [450 * repetitions, 600 * repetitions], rtol=0.1)


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
        raise AssertionError("a last layer was refitted")

    monkeypatch.setattr("sklearn_ae._fit.train.refit_last_layer", refuse)
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
    assert model.net_.is_refitted
    before = model.score(X)
    model.save(tmp_path / "model.safetensors")
    loaded = AutoencoderTransformer.load(tmp_path / "model.safetensors")
    assert loaded.fit(X).score(X) > before
    assert loaded.score(X) == model.fit(X).score(X)


def test_wide_layers_are_not_refitted(quick, monkeypatch):
    monkeypatch.setattr(ridge, "MAX_WIDTH", 3)
    model = quick(1, cv="auto", hidden_layer_sizes=(4, 2)).fit(stretched(200))
    assert not model.net_.is_refitted
