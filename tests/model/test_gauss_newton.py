"""Steps that take codes to where their reconstructions are nearest to the rows."""

from importlib import import_module

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

from sklearn_ae import AutoencoderTransformer, FullyConnected
from sklearn_ae._data import LinearStart, Table
from sklearn_ae._fit import parameters
from sklearn_ae._fit.cross_validation import HeldOut
from sklearn_ae._fit.problem import Problem
from sklearn_ae._model.build import Architecture, build_autoencoder
from sklearn_ae._model.gauss_newton import Decoder, GaussNewton, Linearization
from sklearn_ae._training import Objective, Rows
from sklearn_ae._training.criterion import code_shift_cost
from sklearn_ae.networks import ACTIVATIONS


def drawn(n_columns=6, activation="tanh", hidden=(9, 7), n_codes=3):
    """Return a float64 module whose weights were drawn, and rows of a table."""
    random = np.random.default_rng(0)
    factors = np.sin(3 * random.standard_normal((120, 4)))
    X = factors @ random.standard_normal((4, n_columns))
    X += 0.01 * random.standard_normal(X.shape) * (np.arange(n_columns) < 8)
    start = LinearStart.of_table(Table.of(X), n_codes, seed=0)
    assert (start.subspace is None) == (n_columns < 64)
    architecture = Architecture(
        n_codes, hidden, activation, "identity", "identity", "pca", False, False
    )
    module = build_autoencoder(start, architecture, seed=0)
    generator = torch.Generator().manual_seed(1)
    for parameter in module.parameters():
        nn.init.uniform_(parameter.data, -0.4, 0.4, generator=generator)
    module.requires_grad_(False)
    return module.double(), torch.from_numpy(start.to_imputed(X))


def steps_of(module, x, n_steps=1, unit=1.0, shift_cost=0.5, weight=None):
    """Return the steps for a module whose rows count alike, or by their weights."""
    weight = x.new_ones((len(x), 1)) if weight is None else weight
    return GaussNewton.of_rows(
        module,
        x,
        weight / weight.sum(),
        unit=unit,
        shift_cost=shift_cost,
        n_steps=n_steps,
    )


def errors(module, x):
    """Squared reconstruction error of each row."""
    return (x - module.reconstruct(x)).square().sum(dim=1)


def jacobian_of_decoder(module, codes):
    """Derivatives of reconstructions by codes: (n_rows, n_features, n_components)."""
    return torch.stack(
        [
            torch.autograd.functional.jacobian(
                lambda one: module.raw_decode(one[None])[0], code
            )
            for code in codes
        ]
    )


@pytest.mark.parametrize("n_columns", [6, 70], ids=["all columns", "subspace"])
@pytest.mark.parametrize("hidden", [(9, 7), (5,), (4, 4, 4)], ids=str)
@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_products_are_those_of_the_jacobian(n_columns, hidden, activation):
    module, x = drawn(n_columns, activation, hidden)
    x = x[:5]
    code = module.raw_encode(x)
    decoder = Linearization(Decoder.of(module), code)
    torch.testing.assert_close(decoder.reconstruction, module.raw_decode(code))
    jacobian = jacobian_of_decoder(module, code)
    direction = torch.linspace(-1, 1, code.numel(), dtype=torch.float64).reshape_as(
        code
    )
    expected = torch.einsum("npk,nk->np", jacobian, direction)
    torch.testing.assert_close(decoder.jvp(direction), expected)
    expected = torch.einsum("npk,np->nk", jacobian, x)
    torch.testing.assert_close(decoder.vjp(x), expected)


def test_metric_is_the_inverse_of_the_average_gauss_newton_matrix():
    module, x = drawn()
    weight = torch.rand(120, 1, generator=torch.Generator().manual_seed(0)).double()
    jacobian = jacobian_of_decoder(module, module.raw_encode(x))
    average = torch.einsum("npk,npl,n->kl", jacobian, jacobian, weight[:, 0])
    metric = steps_of(module, x, shift_cost=0.0, weight=weight).metric
    expected = torch.linalg.inv(average / weight.sum())
    torch.testing.assert_close(metric, expected, rtol=1e-6, atol=0)


@pytest.mark.parametrize("n_columns", [6, 70])
def test_no_row_is_left_worse_and_most_get_better(n_columns):
    module, x = drawn(n_columns)
    rows = torch.cat([x, 30 * x])
    before = errors(module, rows)
    for n_steps in (1, 3):
        module.steps = None
        module.steps = steps_of(module, x, n_steps)
        after = errors(module, rows)
        assert (after <= before * (1 + 1e-9)).all()
        assert (after < 0.999 * before).double().mean() > 0.6


def test_many_steps_end_where_the_error_is_lowest():
    module, x = drawn()
    module.steps = steps_of(module, x, n_steps=300, shift_cost=0.0)
    code = module.raw_encode(x).requires_grad_(True)
    error = (x - module.raw_decode(code)).square().sum()
    slope = torch.autograd.grad(error, code)[0].norm(dim=1)
    scale = (x - module.raw_decode(code)).norm(dim=1).detach()
    assert (slope / scale).median() < 1e-6
    assert (slope / scale < 1e-3).double().mean() > 0.9


@pytest.mark.parametrize("hidden", [(9, 7), (5,)])
def test_one_step_solves_what_is_linear(hidden):
    module, x = drawn(activation="identity", hidden=hidden)
    module.network.encoder.silence()  # so that the codes are not moved before
    jacobian = jacobian_of_decoder(module, module.raw_encode(x)[:1])[0]
    scores, remaining = x @ module.components.T, float(errors(module, x).mean())
    unit = 2 * remaining  # of what PCA leaves; half of it remains
    module.steps = steps_of(module, x, unit=unit)
    cost = float(module.steps.shift_cost)
    assert_allclose(cost, 0.5 / 2, rtol=1e-6)
    # The normal equations of the error and of the cost of codes off PCA's scores.
    left = x - module.raw_decode(scores)
    normal = jacobian.T @ jacobian + cost * torch.eye(3, dtype=torch.float64)
    expected = scores + torch.linalg.solve(normal, (left @ jacobian).T).T
    torch.testing.assert_close(module.raw_encode(x), expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("n_columns", [6, 70], ids=["all columns", "subspace"])
def test_step_goes_to_the_lowest_point_along_the_tangent(n_columns):
    module, x = drawn(n_columns)
    steps, code, cost = steps_of(module, x, unit=1e-3), module.raw_encode(x), 0.5
    jacobian = jacobian_of_decoder(module, code)
    shift, left = code - x @ module.components.T, x - module.raw_decode(code)
    downhill = torch.einsum("npk,np->nk", jacobian, left) - cost * shift
    direction = downhill @ steps.metric
    change = torch.einsum("npk,nk->np", jacobian, direction)
    curvature = change.square().sum(dim=1) + cost * direction.square().sum(dim=1)
    length = (downhill * direction).sum(dim=1) / curvature
    moved = code + direction * length[:, None]
    error = (x - module.raw_decode(moved)).square().sum(dim=1)
    is_better = error <= errors(module, x)
    assert is_better.sum() > 60  # others keep their codes
    module.steps = steps
    expected = torch.where(is_better[:, None], moved, code)
    torch.testing.assert_close(module.raw_encode(x), expected)


def test_price_of_a_shift_is_at_most_that_of_training():
    module, x = drawn()
    assert float(errors(module, x).mean()) > 1e-3
    assert float(steps_of(module, x, unit=1e-3).shift_cost) == 0.5


def test_scores_of_pca_are_where_they_should_be():
    module, x = drawn()
    module.network.decoder.silence()
    module.network.encoder.silence()
    module.steps = steps_of(module, x, n_steps=3)
    torch.testing.assert_close(module.raw_encode(x), x @ module.components.T)


@pytest.mark.parametrize("changes", [{}, {"early_stopping": True}], ids=str)
def test_steps_come_closer_to_new_rows(quick, curved, curved_held_out, changes):
    alone, one, ten = (
        quick(max_iter=25, transform_max_iter=n, **changes).fit(curved)
        for n in (0, 1, 10)
    )
    scores = [model.score(curved_held_out) for model in (alone, one, ten)]
    assert 1 - scores[1] < 0.95 * (1 - scores[0])
    assert scores[2] >= scores[1]
    samples = alone.score_samples(curved_held_out)
    assert (one.score_samples(curved_held_out) >= samples * (1 + 1e-9)).all()
    assert one.score(curved) >= alone.score(curved)
    back = one.inverse_transform(one.transform(curved_held_out))
    squares = -np.square(back - curved_held_out).sum(axis=1)
    assert_allclose(squares, one.score_samples(curved_held_out), rtol=1e-9)


def test_folds_are_reconstructed_from_codes_that_have_taken_steps(
    quick, curved, monkeypatch
):
    losses = {False: {}, True: {}}
    plain = HeldOut.measure

    def noted(self, objective, factor, stepping):
        total = plain(self, objective, factor, stepping)
        losses[stepping].setdefault(factor, []).append(total.loss)
        return total

    monkeypatch.setattr(HeldOut, "measure", noted)
    quick(max_iter=25, cv=3).fit(curved)
    alone, stepping = ({f: sum(v) for f, v in losses[s].items()} for s in losses)
    assert {0.0, 0.9, 1.0} <= stepping.keys()
    # PCA's scores are the nearest already.
    assert_allclose(stepping[0.0], alone[0.0], rtol=1e-6)
    assert stepping[1.0] < 0.95 * alone[1.0]


def test_share_of_the_variance_is_tried_with_steps(quick, curved, monkeypatch):
    tried = []
    plain = Objective.measure

    def noted(self, module, rows):
        tried.append(module.steps is not None)
        return plain(self, module, rows)

    monkeypatch.setattr(Objective, "measure", noted)
    monkeypatch.setattr(
        import_module("sklearn_ae._fit.code_size"),
        "cross_validated_shrinkage",
        lambda *args: 1.0,
    )
    quick(0.9, cv=None, max_iter=1).fit(curved)
    assert True in tried


def test_codes_are_still_centred_uncorrelated_and_ordered(quick, curved):
    codes = quick(transform_max_iter=2).fit_transform(curved)
    assert_allclose(codes.mean(axis=0), 0, atol=1e-9 * codes.std())
    covariance = np.cov(codes.T)
    assert abs(covariance[0, 1]) < 1e-9 * covariance[0, 0]


def test_training_is_that_of_the_encoder(quick, curved):
    alone, one = (quick(transform_max_iter=n, warm_start=True) for n in (0, 1))
    for _ in range(2):  # the second fit goes on from the first
        for model in (alone, one):
            model.fit(curved)
        for (name, mine), other in zip(
            alone.net_.module_.network.state_dict().items(),
            one.net_.module_.network.state_dict().values(),
            strict=True,
        ):
            assert torch.equal(mine, other), name
    assert one.net_.module_.steps.n_steps == 1


def test_fits_to_many_rows_leave_codes_to_the_encoder(quick, curved, monkeypatch):
    assert parameters.ENOUGH_ROWS == 10_000
    monkeypatch.setattr(parameters, "ENOUGH_ROWS", len(curved) // 5)
    assert quick(max_iter=3).fit(curved).net_.module_.steps.n_steps == 1
    monkeypatch.setattr(parameters, "ENOUGH_ROWS", len(curved) // 5 - 1)
    assert quick(max_iter=3).fit(curved).net_.module_.steps is None
    model = quick(max_iter=3, transform_max_iter=2).fit(curved)
    assert model.net_.module_.steps.n_steps == 2


class Own(FullyConnected):
    """A network of the user's."""


@pytest.mark.parametrize(
    "changes",
    [
        {"loss": "huber"},
        {"noise": 0.1},
        {"nested_dropout": 0.1},
        {"output_activation": "logistic"},
        {"module": Own},
        {"init": "random"},
        {"hidden_layer_sizes": ()},
    ],
    ids=str,
)
def test_other_fits_leave_codes_to_the_encoder(quick, curved, changes):
    X = curved - curved.min(axis=0)
    X /= X.max(axis=0)
    model = quick(max_iter=3, transform_max_iter=1, **changes).fit(X)
    assert model.net_.module_.steps is None


def test_imputed_cells_count(quick, curved):
    holes = np.random.default_rng(0).random(curved.shape) < 0.1
    X = np.where(holes, np.nan, curved)
    errors = []
    for n_steps in (0, 1):
        model = quick(3, transform_max_iter=n_steps).fit(X)
        error = model.inverse_transform(model.transform(X)) - curved
        errors.append([np.square(error[cells]).mean() for cells in (holes, ~holes)])
    assert errors[1][0] < errors[0][0]
    assert errors[1][1] < errors[0][1]


def test_observed_cells_do_not_lose_by_imputed_ones(quick):
    random = np.random.default_rng(0)
    X = random.standard_normal((60, 3)) @ random.standard_normal((3, 8))
    X += 0.3 * random.standard_normal(X.shape)
    X[random.random(X.shape) < 0.5] = np.nan
    X = X[~np.isnan(X).all(axis=1)]
    left_out = 0
    for seed in range(6):
        alone, one = (
            quick(3, transform_max_iter=n, random_state=seed, max_iter=10).fit(X)
            for n in (0, 1)
        )
        assert one.score(X) >= alone.score(X) - 1e-12
        left_out += one.net_.module_.steps is None
    assert left_out > 0


def test_precisions_agree(quick, curved):
    model = quick().fit(curved)
    codes = model.transform(curved)
    found = model.transform(curved.astype(np.float32))
    assert found.dtype == np.float32
    # A step that gains next to nothing may be taken in one precision alone.
    left, left_in_single = (
        np.square(curved - model.inverse_transform(part.astype(float))).sum(axis=1)
        for part in (codes, found)
    )
    assert_allclose(left_in_single, left, rtol=1e-4, atol=1e-6)
    agree = np.abs(found - codes).max(axis=1) < 1e-4 * codes.std()
    assert agree.mean() > 0.99


def test_rows_do_not_depend_on_each_other(quick, curved):
    model = quick().fit(curved)
    codes = model.transform(curved)
    assert_allclose(model.transform(curved[::-1])[::-1], codes, rtol=1e-9)
    assert_allclose(model.transform(curved[5:6]), codes[5:6], rtol=1e-9)


def test_rows_whose_errors_overflow_keep_their_codes():
    module, x = drawn()
    module.steps = steps_of(module, x)
    module.float()
    x = x.float() * torch.tensor([[1e19], [1e20], [1e21], [1.0]]).repeat(30, 1)
    code = module.raw_encode(x)
    overflows = ~errors(module, x).isfinite()
    assert overflows[2::4].sum() > 10
    assert not overflows[3::4].any()
    module.steps = None
    alone = module.raw_encode(x)
    assert torch.equal(code[overflows], alone[overflows])
    assert not torch.equal(code[~overflows], alone[~overflows])


@pytest.mark.parametrize("factor", [1e6, 1e30, 1e150])
def test_rows_far_out_keep_finite_codes(quick, curved, factor):
    alone, one = (quick(transform_max_iter=n).fit(curved) for n in (0, 1))
    far = factor * curved[:9]
    assert np.isfinite(one.transform(far)).all()
    assert (one.score_samples(far) >= alone.score_samples(far) * (1 + 1e-4)).all()


def test_contributions_are_the_derivatives_of_transform(quick, curved):
    model = quick().fit(curved[:32])
    step = 1e-6
    slopes = [
        np.mean(
            model.transform(curved[:32] + step * unit)
            - model.transform(curved[:32] - step * unit),
            axis=0,
        )
        for unit in np.eye(curved.shape[1])
    ]
    found = model.feature_contributions_
    assert_allclose(found, np.transpose(slopes) / (2 * step), atol=1e-5)


@pytest.mark.parametrize("value", [-1, 1.5, "one", None])
def test_number_of_steps_is_checked(quick, curved, value):
    with pytest.raises(ValueError, match="'transform_max_iter' parameter"):
        quick(transform_max_iter=value).fit(curved)


@pytest.mark.parametrize("weight", [1.0, 3.0])
def test_training_and_steps_have_the_price_of_the_table(weight):
    X = np.random.default_rng(0).standard_normal((500, 10))
    table = Table(X, np.full(500, weight))
    start = LinearStart.of_table(table, 2, seed=0)
    rows = Rows.of_table(table, start)
    model = AutoencoderTransformer(device="cpu")
    architecture = parameters.describe_network(model, 2, 500)
    options = parameters.describe_training(model)
    problem = Problem.of_rows(start, architecture, options, rows, seed=0)
    expected = code_shift_cost(500 * 10 * weight)
    assert 0.5 < expected < 2
    module = problem.untrained()
    assert problem.objective.shift_cost == expected
    (term,) = problem.objective.criterion(module, start).terms
    assert term.cost == expected
    # Nothing has been explained yet, of some of the rows.
    price = float(problem.gauss_newton_steps(module, rows).shift_cost)
    assert 0.9 * expected < price <= expected
