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
    assert float(loss(output, x)) == pytest.approx((4 + 1 + 4 + 0) / 3 / 2.0)


def test_training_pays_for_codes_that_leave_their_scores(output, x):
    loss = ReconstructionLoss(2.0, components=torch.tensor([[1.0, 0.0]]))
    # The scores are 1, 1 and 2, the codes 1, 0 and 3.
    expected = (9 + CODE_SHIFT_COST * 2) / 3 / 2.0
    assert float(loss.train()(output, x)) == pytest.approx(expected)
    assert float(loss.eval()(output, x)) == pytest.approx(9 / 3 / 2.0)


def test_perfect_reconstruction_costs_nothing(x):
    loss = ReconstructionLoss(2.0, components=torch.tensor([[1.0, 0.0]]))
    assert float(loss((x, x[:, :1]), x)) == 0.0
