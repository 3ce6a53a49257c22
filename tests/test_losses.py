import pytest
import torch

from sklearn_ae._losses import CODE_SHIFT_COST, ReconstructionLoss


@pytest.fixture
def output():
    """Reconstruction and code of three rows."""
    rows = torch.tensor([[1.0, 2.0], [0.0, -1.0], [2.0, 2.0]])
    return rows, torch.tensor([[1.0], [0.0], [3.0]])


@pytest.fixture
def x():
    return torch.tensor([[1.0, 0.0], [1.0, 1.0], [2.0, 2.0]])


@pytest.mark.parametrize("training", [False, True])
def test_loss_is_the_mean_squared_error_over_the_variance(output, x, training):
    loss = ReconstructionLoss(variance=2.0).train(training)
    assert float(loss(output, (x,))) == pytest.approx((4 + 1 + 4 + 0) / 3 / 2.0)


def test_training_pays_for_codes_that_leave_their_scores(output, x):
    loss = ReconstructionLoss(2.0, components=torch.tensor([[1.0, 0.0]]))
    # The scores are 1, 1 and 2, the codes 1, 0 and 3.
    expected = (9 + CODE_SHIFT_COST * 2) / 3 / 2.0
    assert float(loss.train()(output, (x,))) == pytest.approx(expected)
    assert float(loss.eval()(output, (x,))) == pytest.approx(9 / 3 / 2.0)


def test_perfect_reconstruction_costs_nothing(x):
    loss = ReconstructionLoss(2.0, components=torch.tensor([[1.0, 0.0]]))
    assert float(loss((x, x[:, :1]), (x,))) == 0.0


def test_price_of_a_shift_falls_with_what_remains(x):
    loss = ReconstructionLoss(2.0, components=torch.tensor([[1.0, 0.0]]))
    code = x[:, :1] + 1
    prices = []
    for error in (0.0, 0.1, 0.2):
        output = (x + error, code)
        paid = loss.train()(output, (x,)) - loss.eval()(output, (x,))
        prices.append(float(paid))
    assert prices[0] == 0.0
    assert prices[2] == pytest.approx(4 * prices[1], rel=1e-4)


def test_price_of_a_shift_does_not_pull_at_the_reconstruction(output, x):
    pulls = []
    for components in (None, torch.tensor([[1.0, 0.0]])):
        reconstruction = (0.1 * output[0] + 0.9 * x).requires_grad_(True)
        loss = ReconstructionLoss(2.0, components)((reconstruction, output[1]), (x,))
        pulls.append(torch.autograd.grad(loss, reconstruction)[0])
    torch.testing.assert_close(*pulls)


def test_components_move_with_the_loss():
    loss = ReconstructionLoss(1.0, torch.zeros(2, 3)).to("meta")
    assert loss.components.device.type == "meta"


def test_weights_multiply_the_errors_of_cells(output, x):
    weight = torch.tensor([[1.0, 0.0], [2.0, 0.5], [1.0, 1.0]])
    loss = ReconstructionLoss(variance=2.0)
    assert float(loss(output, (x, weight))) == pytest.approx((2 + 2) / 3 / 2.0)


def test_weights_of_rows_multiply_the_price_of_a_shift(output, x):
    components = torch.tensor([[1.0, 0.0]])
    weight = torch.tensor([[2.0], [0.0], [1.0]])
    loss = ReconstructionLoss(2.0, components)
    # The squared errors are 4, 5 and 0, the squared shifts 0, 1 and 1.
    expected = (8 + CODE_SHIFT_COST * 1) / 3 / 2.0
    assert float(loss.train()(output, (x, weight))) == pytest.approx(expected)
