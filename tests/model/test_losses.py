"""Losses of single cells, and the sums over rows that everything is measured by."""

import pytest
import torch

from sklearn_ae._model.losses import (
    AbsoluteError,
    HuberError,
    LogLoss,
    LossSum,
    SquaredError,
)

ONE = torch.ones(300, 1)


@pytest.fixture
def x():
    return torch.tensor([[1.0, 0.0], [1.0, 1.0], [2.0, 2.0]])


def test_huber_is_squared_near_and_linear_far(x):
    threshold = torch.tensor([1.0, 2.0])
    error = torch.tensor([[0.5, 1.5], [1.0, -2.0], [-3.0, 4.0]])
    found = HuberError(threshold)(x + error, x)
    expected = [[0.25, 2.25], [1.0, 4.0], [1 * (6 - 1), 2 * (8 - 2)]]
    torch.testing.assert_close(found, torch.tensor(expected))


def test_huber_is_torchs_with_twice_the_loss(x):
    error = torch.linspace(-3, 3, 6).reshape(3, 2)
    found = HuberError(torch.full((2,), 1.5))(x + error, x)
    expected = torch.nn.functional.huber_loss(x + error, x, "none", 1.5)
    torch.testing.assert_close(found, 2 * expected)


def test_log_loss_is_the_divergence_of_shares():
    mean, scale = torch.tensor([0.5, 0.25]), torch.tensor(0.25)
    found, wanted = torch.tensor([[0.3, 0.9]]), torch.tensor([[0.6, 0.2]])
    loss = LogLoss(mean, scale)((found - mean) / scale, (wanted - mean) / scale)
    expected = wanted * (wanted / found).log()
    expected += (1 - wanted) * ((1 - wanted) / (1 - found)).log()
    torch.testing.assert_close(loss, expected)


def test_log_loss_of_the_right_answer_is_zero_at_the_bounds_too():
    mean, scale = torch.zeros(3), torch.tensor(1.0)
    x = torch.tensor([[0.0, 1.0, 0.5]])
    torch.testing.assert_close(LogLoss(mean, scale)(x, x), torch.zeros(1, 3))


@pytest.fixture
def rows():
    """Centred rows of 40 columns, of very different size."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(300, 40, generator=generator, dtype=torch.float64) ** 3


def halved(x):
    return x / 2


@pytest.mark.parametrize(
    ("loss", "share"), [(SquaredError, 1 / 4), (AbsoluteError, 1 / 2)]
)
def test_share_is_that_of_the_loss_of_the_mean(rows, loss, share):
    found = LossSum.over([(rows, ONE)], halved, loss())
    assert found.share == pytest.approx(share)
    assert found.loss == pytest.approx(share * found.loss_of_mean)
    assert found.n_cells == 300 * 40


def test_sums_may_be_taken_block_by_block(rows):
    weight = torch.rand(300, 40, generator=torch.Generator().manual_seed(0)).double()
    whole = LossSum.over([(rows, weight)], halved, SquaredError())
    pairs = zip(rows.split(70), weight.split(70), strict=True)
    parts = LossSum.over(pairs, halved, SquaredError())
    for name in ("loss", "loss_of_mean", "share", "n_cells"):
        assert getattr(parts, name) == pytest.approx(getattr(whole, name), rel=1e-12)


def test_missing_cells_count_in_neither_sum(rows):
    observed = torch.rand(300, 40, generator=torch.Generator().manual_seed(0)) < 0.7
    wrong = torch.where(observed, rows, 1e9)
    found = LossSum.over([(wrong, observed.double())], halved, SquaredError())
    assert found.loss_of_mean == pytest.approx(float(rows[observed].square().sum()))
    assert found.share == pytest.approx(1 / 4)
    assert found.n_cells == observed.sum()


def test_weights_of_rows_count_as_repetitions(rows):
    weight = torch.arange(300)[:, None] % 4
    weighted = LossSum.over([(rows, weight.double())], halved, AbsoluteError())
    repeated = rows.repeat_interleave(weight[:, 0], dim=0)
    again = LossSum.over(
        [(repeated, torch.ones(len(repeated), 1))], halved, AbsoluteError()
    )
    for name in ("loss", "loss_of_mean", "n_cells"):
        assert getattr(weighted, name) == pytest.approx(getattr(again, name))


@pytest.mark.parametrize(("error", "share"), [(0.0, 0.0), (1.0, 1.0)])
def test_constant_rows_are_explained_or_not(error, share):
    rows = torch.zeros(3, 2)
    found = LossSum.over(
        [(rows, torch.ones(3, 1))], lambda x: x + error, SquaredError()
    )
    assert found.share == share


def test_no_gradients_are_kept(rows):
    scale = torch.ones((), requires_grad=True)
    seen = []
    LossSum.over(
        [(rows, ONE)],
        lambda x: seen.append(x * scale) or x,
        SquaredError(),
    )
    assert not seen[0].requires_grad
