"""The loss of batches that trains a module."""

from types import SimpleNamespace

import pytest
import torch

from sklearn_ae._model.losses import AbsoluteError, SquaredError
from sklearn_ae._training.criterion import (
    CODE_SHIFT_COST,
    Activity,
    ReconstructionLoss,
    ShiftCost,
    code_shift_cost,
)

# Every row counts once.
ONE = torch.ones(3, 1)


@pytest.fixture
def output():
    """Reconstruction and code of three rows."""
    rows = torch.tensor([[1.0, 2.0], [0.0, -1.0], [2.0, 2.0]])
    return rows, torch.tensor([[1.0], [0.0], [3.0]])


@pytest.fixture
def x():
    return torch.tensor([[1.0, 0.0], [1.0, 1.0], [2.0, 2.0]])


@pytest.fixture
def squared():
    """Return a factory of losses in squared error, with the variance as their unit."""

    def build(variance, components=None, shift_cost=0.5):
        terms = []
        if components is not None:
            module = SimpleNamespace(components=components)
            terms = [ShiftCost(module, shift_cost, variance, is_weighted=True)]
        return ReconstructionLoss(SquaredError(), variance, terms=terms)

    return build


@pytest.mark.parametrize("training", [False, True])
def test_loss_is_the_mean_squared_error_over_the_variance(squared, output, x, training):
    loss = squared(variance=2.0).train(training)
    assert float(loss(output, (x, ONE))) == pytest.approx((4 + 1 + 4 + 0) / 3 / 2.0)


def test_training_pays_for_codes_off_their_scores(squared, output, x):
    loss = squared(2.0, components=torch.tensor([[1.0, 0.0]]))
    # The scores are 1, 1 and 2, the codes 1, 0 and 3.
    expected = (9 + CODE_SHIFT_COST * 2) / 3 / 2.0
    assert float(loss.train()(output, (x, ONE))) == pytest.approx(expected)
    assert float(loss.eval()(output, (x, ONE))) == pytest.approx(9 / 3 / 2.0)


def test_perfect_reconstruction_costs_nothing(squared, x):
    loss = squared(2.0, components=torch.tensor([[1.0, 0.0]]))
    assert float(loss((x, x[:, :1]), (x, ONE))) == 0.0


def test_shifts_cost_more_in_small_tables():
    many, some, few, one = (code_shift_cost(n) for n in (1e12, 1e4, 1e4 / 3, 1))
    assert many == pytest.approx(CODE_SHIFT_COST)
    assert some == 2 * CODE_SHIFT_COST
    assert few == pytest.approx(4 * CODE_SHIFT_COST)
    assert one == 4 * CODE_SHIFT_COST


def test_shifts_have_the_price_of_the_table(squared, output, x):
    components = torch.tensor([[1.0, 0.0]])
    loss = squared(2.0, components, shift_cost=3.0)
    assert float(loss.train()(output, (x, ONE))) == pytest.approx((9 + 3 * 2) / 3 / 2.0)


def test_price_of_a_shift_falls_with_what_remains(squared, x):
    loss = squared(2.0, components=torch.tensor([[1.0, 0.0]]))
    code = x[:, :1] + 1
    prices = []
    for error in (0.0, 0.1, 0.2):
        output = (x + error, code)
        paid = loss.train()(output, (x, ONE)) - loss.eval()(output, (x, ONE))
        prices.append(float(paid))
    assert prices[0] == 0.0
    assert prices[2] == pytest.approx(4 * prices[1], rel=1e-4)


def test_price_of_a_shift_does_not_move_the_reconstruction(squared, output, x):
    gradients = []
    for components in (None, torch.tensor([[1.0, 0.0]])):
        reconstruction = (0.1 * output[0] + 0.9 * x).requires_grad_(True)
        loss = squared(2.0, components)((reconstruction, output[1]), (x, ONE))
        gradients.append(torch.autograd.grad(loss, reconstruction)[0])
    torch.testing.assert_close(*gradients)


def test_shifts_are_from_the_components_that_a_module_has_now(output, x):
    module = SimpleNamespace(components=torch.tensor([[0.0, 1.0]]))
    loss = ReconstructionLoss(
        SquaredError(), 2.0, terms=[ShiftCost(module, 0.5, 2.0, is_weighted=False)]
    )
    module.components = torch.tensor([[1.0, 0.0]])
    assert float(loss.train()(output, (x, ONE))) == pytest.approx((9 + 0.5 * 2) / 3 / 2)


def test_weights_multiply_the_errors_of_cells(squared, output, x):
    weight = torch.tensor([[1.0, 0.0], [2.0, 0.5], [1.0, 1.0]])
    loss = squared(variance=2.0)
    assert float(loss(output, (x, weight))) == pytest.approx((2 + 2) / 3 / 2.0)


def test_weights_of_rows_multiply_the_price_of_a_shift(squared, output, x):
    components = torch.tensor([[1.0, 0.0]])
    weight = torch.tensor([[2.0], [0.0], [1.0]])
    loss = squared(2.0, components)
    # The squared errors are 4, 5 and 0, the squared shifts 0, 1 and 1.
    expected = (8 + CODE_SHIFT_COST * 1) / 3 / 2.0
    assert float(loss.train()(output, (x, weight))) == pytest.approx(expected)


def test_absolute_errors_are_summed(output, x):
    loss = ReconstructionLoss(AbsoluteError(), 2.0)
    assert float(loss(output, (x, ONE))) == pytest.approx((2 + 1 + 2) / 3 / 2.0)


def test_terms_are_paid_in_training_only_and_given_what_they_name(output, x):
    seen = {}

    def term(**named):
        seen.update(named)
        return torch.tensor(3.0)

    loss = ReconstructionLoss(SquaredError(), 2.0, terms=[term, Activity(0.5)])
    code = output[1]
    activity = code.abs().mean() / code.square().mean().sqrt()
    paid = loss.train()(output, (x, ONE)) - loss.eval()(output, (x, ONE))
    assert float(paid) == pytest.approx(3 + 0.5 * float(activity))
    assert seen["reconstruction"] is output[0]
    assert (seen["rows"] is x, seen["codes"] is code, seen["weights"] is ONE) == (
        1,
    ) * 3
    assert float(seen["loss"]) == pytest.approx(9 / 3 / 2.0)


def test_penalty_of_codes_falls_with_their_zeros_and_not_with_their_scale():
    dense, sparse = torch.ones(4, 3), torch.eye(4)[:, :3]
    assert float(Activity(2.0)(codes=dense)) == pytest.approx(2.0)
    assert float(Activity(1.0)(codes=7 * sparse)) == pytest.approx(0.5)
    assert float(Activity(1.0)(codes=0 * dense)) == 0.0
