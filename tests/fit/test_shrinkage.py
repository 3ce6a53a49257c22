"""The guard's arithmetic."""

from contextlib import contextmanager
from functools import partial

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_ae._fit.guard import judge
from sklearn_ae._fit.shrinkage import (
    FACTORS,
    SMALLEST_GAIN,
    Folds,
    auto_folds,
    best_factor,
    equal_rows,
    loss_with_factor,
    splits,
)
from sklearn_ae._training.losses import SquaredError
from sklearn_ae._training.objective import Objective
from sklearn_ae._training.rows import Rows


class Overshooting(torch.nn.Module):
    """Reconstruct zero, plus a correction that is right at one factor."""

    def __init__(self, right_factor):
        super().__init__()
        self.right_factor = right_factor
        self.residual_scale = 1.0

    @contextmanager
    def shrunk(self, factor):
        self.residual_scale = factor
        yield
        self.residual_scale = 1.0

    def reconstruct(self, x):
        return x * self.residual_scale / self.right_factor


def test_factors_go_from_pca_to_the_whole_correction():
    assert (FACTORS[0], FACTORS[-1]) == (0.0, 1.0)
    assert all(np.diff(FACTORS) > 0)


@pytest.mark.parametrize("right_factor", FACTORS[1:])
def test_factor_with_the_lowest_error_is_chosen(right_factor):
    x = torch.ones(4, 3, dtype=torch.float64)
    objective = Objective(cell_loss=SquaredError(), total=1.0, unit=1.0)
    loss = partial(loss_with_factor, Overshooting(right_factor), Rows(x), objective)
    losses = [loss(factor) for factor in FACTORS]
    assert_allclose(losses, [12 * (1 - f / right_factor) ** 2 for f in FACTORS])
    assert best_factor(loss) == right_factor


def test_no_more_factors_are_tried_than_lower_the_loss():
    tried = []

    def loss(factor):
        tried.append(factor)
        return abs(factor - 0.8) + 1.0

    assert best_factor(loss) == 0.8
    assert tried == [1.0, 0.9, 0.8, 0.7, 0.0]


def test_pca_stays_where_every_correction_is_worse():
    assert best_factor(lambda factor: 1.0 + factor) == 0.0


@pytest.mark.parametrize(("share", "kept"), [(0.5, False), (1.5, True)])
def test_pca_is_given_up_for_a_gain_of_some_size_only(share, kept):
    def loss(factor):
        return 8.0 * (1 - share * SMALLEST_GAIN) if factor == 1.0 else 8.0

    assert (best_factor(loss) == 1.0) == kept


def test_pca_stays_where_losses_are_not_numbers():
    assert best_factor(lambda factor: np.nan) == 0.0


@pytest.mark.parametrize("large", [np.inf, np.nan])
def test_factors_that_overflow_are_passed_by(large):
    assert best_factor(lambda f: large if f > 0.5 else 2 + abs(f - 0.3)) == 0.3


def test_every_fold_is_left_out_once():
    parts = splits(11, Folds(3, 3), seed=0)
    left_out = torch.cat([test for _, test in parts])
    assert sorted(left_out.tolist()) == list(range(11))
    for train, test in parts:
        assert sorted(torch.cat([train, test]).tolist()) == list(range(11))


def test_equal_rows_share_a_number():
    x = torch.tensor([[1.0, 2.0], [0.0, 3.0], [1.0, 2.0], [-0.0, 3.0], [2.0, 1.0]])
    numbers = equal_rows(x)
    assert numbers[0] == numbers[2] != numbers[1]
    assert numbers[1] == numbers[3] != numbers[4] != numbers[0]
    assert equal_rows(x[[0, 1, 4]]) is None


def test_equal_rows_are_in_the_same_fold():
    numbers = np.random.default_rng(0).integers(7, size=40)
    parts = splits(40, Folds(3, 3), seed=0, numbers=numbers)
    for train, test in parts:
        assert not set(numbers[train]) & set(numbers[test])
        assert sorted(torch.cat([train, test]).tolist()) == list(range(40))
    assert sorted(torch.cat([test for _, test in parts]).tolist()) == list(range(40))


def test_there_are_no_more_folds_than_different_rows():
    assert len(splits(40, Folds(5, 5), seed=0, numbers=np.arange(40) % 2)) == 2


def test_only_some_folds_can_be_used():
    parts = splits(12, Folds(4, 1), seed=0)
    assert [(len(train), len(test)) for train, test in parts] == [(9, 3)]


def test_seed_decides_the_folds():
    first, again, other = (splits(30, Folds(3, 3), seed) for seed in (1, 1, 2))
    assert_array_equal(first[0][1], again[0][1])
    assert not torch.equal(first[0][1], other[0][1])


@pytest.mark.parametrize("n_samples", [2, 3, 5, 10, 100, 1000, 10**5])
def test_automatic_folds_leave_more_rows_than_codes(n_samples):
    folds = auto_folds(n_samples, 2)
    used = folds.n_used if folds else 0
    n_left = n_samples - n_samples // 2 if folds is None else n_samples
    parts = splits(n_samples, folds, seed=0) if used else []
    assert all(len(train) > 2 and len(test) > 0 for train, test in parts)
    assert n_left > 0


def test_automatic_folds_are_fewer_with_more_rows():
    used = [auto_folds(n, 2) for n in (3, 100, 5000, 10**6)]
    assert [folds.n_used if folds else None for folds in used] == [0, 3, 1, None]


def test_automatic_folds_are_left_out_where_codes_are_as_many_as_rows():
    assert auto_folds(30, 2).n_used > 0
    assert auto_folds(30, 20).n_used == 0


class Judged:
    """What a fold says of factors, for the encoder's codes and those of transform."""

    layer = None
    projection = object()

    def __init__(self, best_alone, best_stepping):
        self.best = {False: best_alone, True: best_stepping}

    def loss(self, objective, stepping, penalty, factor):
        assert penalty is None
        return 1.0 + (factor - self.best[stepping]) ** 2


@pytest.mark.parametrize(
    ("best_alone", "best_stepping", "expected"),
    [(0.5, 0.9, 0.9), (0.5, 0.0, 0.0), (0.0, 0.9, 0.0)],
)
def test_steps_do_not_confirm_a_correction_alone(best_alone, best_stepping, expected):
    judged = [Judged(best_alone, best_stepping)] * 2
    assert judge(judged, objective=None)[:2] == (None, expected)
    for one in judged:
        one.projection = None
    assert judge(judged, objective=None)[:2] == (None, best_alone)


def test_share_left_is_that_of_the_chosen_factor():
    judged = [Judged(0.5, 0.5)] * 2
    assert judge(judged, objective=None).share_left == pytest.approx(1 / 1.25)
    judged = [Judged(0.0, 0.0)] * 2
    assert judge(judged, objective=None).share_left == 1.0


@pytest.mark.parametrize("of_all", [0.0, np.inf])
def test_share_left_is_all_where_it_is_unknown(of_all):
    judged = [Judged(0.5, 0.5)]
    judged[0].loss = lambda *args: of_all
    assert judge(judged, objective=None).share_left == 1.0
