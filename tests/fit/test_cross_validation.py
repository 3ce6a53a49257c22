"""What folds confirm of a correction, and which rows they hold."""

from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_ae._data import ENOUGH_ROWS
from sklearn_ae._fit.cross_validation import (
    Folds,
    HeldOut,
    cross_validated_shrinkage,
    equal_rows,
)
from sklearn_ae._model.losses import SquaredError
from sklearn_ae._training.objective import Objective
from sklearn_ae._training.rows import Rows

FACTORS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]


class Overshooting(torch.nn.Module):
    """Reconstruct zero, plus a correction that is right at one factor."""

    def __init__(self, right_factor):
        super().__init__()
        self.steps = None
        self.right_factor = right_factor
        self.residual_scale = 1.0

    @contextmanager
    def shrunk(self, factor):
        self.residual_scale = factor
        yield
        self.residual_scale = 1.0

    def reconstruct(self, x):
        return x * self.residual_scale / self.right_factor


class Fold:
    """A fold that says which losses there are, alone and with steps of the codes."""

    def __init__(self, alone, stepping=None):
        self.losses = {False: alone, True: stepping}
        self.module = SimpleNamespace(steps=stepping)
        self.numbers = np.arange(4)
        self.tried = []

    def measure(self, objective, factor, stepping):
        self.tried.append(factor)
        loss = self.losses[stepping](factor)
        return SimpleNamespace(loss=loss, by_row=[loss / 4] * 4)


def shrinkage(*folds):
    return cross_validated_shrinkage(folds, objective=None)


def best_at(right_factor):
    return lambda factor: 1.0 + (factor - right_factor) ** 2


@pytest.mark.parametrize("right_factor", FACTORS)
def test_factor_with_the_lowest_error_is_chosen(right_factor):
    x, ones = torch.ones(4, 3, dtype=torch.float64), torch.ones(4, 1)
    held_out = HeldOut(
        Overshooting(right_factor), lambda: Rows(x, ones, ones), np.arange(4)
    )
    objective = Objective(cell_loss=SquaredError())
    losses = [held_out.measure(objective, factor, False).loss for factor in FACTORS]
    assert_allclose(losses, [12 * (1 - f / right_factor) ** 2 for f in FACTORS])
    found = cross_validated_shrinkage([held_out], objective)
    assert found == right_factor


def test_folds_decide_together():
    assert shrinkage(Fold(best_at(0.2)), Fold(best_at(0.6))) == 0.4


def test_no_more_factors_are_tried_than_lower_the_loss():
    fold = Fold(lambda factor: abs(factor - 0.8) + 1.0)
    assert shrinkage(fold) == 0.8
    assert sorted(fold.tried) == [0.0, 0.7, 0.8, 0.9, 1.0]


def test_pca_stays_where_every_correction_is_worse():
    assert shrinkage(Fold(lambda factor: 1.0 + factor)) == 0.0


def test_pca_stays_where_losses_are_not_numbers():
    assert shrinkage(Fold(lambda factor: np.nan)) == 0.0


@pytest.mark.parametrize("large", [np.inf, np.nan])
def test_factors_that_overflow_are_passed_by(large):
    fold = Fold(lambda f: large if f > 0.5 else 2 + abs(f - 0.3))
    assert shrinkage(fold) == 0.3


@pytest.mark.parametrize(
    ("best_alone", "best_stepping", "expected"),
    [(0.5, 0.9, 0.9), (0.5, 0.0, 0.0), (0.0, 0.9, 0.0)],
)
def test_steps_do_not_confirm_a_correction_alone(best_alone, best_stepping, expected):
    alone, stepping = best_at(best_alone), best_at(best_stepping)
    assert shrinkage(*2 * [Fold(alone, stepping)]) == expected
    assert shrinkage(*2 * [Fold(alone)]) == best_alone


def test_codes_step_only_where_they_are_asked_to():
    module, x, ones = Overshooting(1.0), torch.zeros(4, 3), torch.ones(4, 1)
    module.steps, seen = torch.nn.Identity(), []
    module.reconstruct = lambda x: seen.append(module.steps) or x
    held_out = HeldOut(module, lambda: Rows(x, ones, ones), np.arange(4))
    for stepping in (False, True):
        held_out.measure(Objective(cell_loss=SquaredError()), 1.0, stepping)
    assert seen == [None, module.steps]
    assert module.steps is not None


def gaining(n_rows, n_times):
    """Of 20 rows, each given so many times, some gain and none loses."""

    def measure(objective, factor, stepping):
        rows = torch.full((20,), 1.0)
        rows[:n_rows] -= 0.9 * factor
        rows = rows.repeat(n_times)
        return SimpleNamespace(loss=float(rows.sum()), by_row=rows.tolist())

    numbers = np.tile(np.arange(20), n_times)
    module = SimpleNamespace(steps=None)
    return SimpleNamespace(measure=measure, module=module, numbers=numbers)


@pytest.mark.parametrize("n_times", [1, 4])
@pytest.mark.parametrize(("n_rows", "factor"), [(1, 0.0), (2, 0.0), (4, 1.0)])
def test_gain_of_few_rows_does_not_decide(n_rows, n_times, factor):
    """2 of 20 rows may be chance, however often they are repeated."""
    assert shrinkage(gaining(n_rows, n_times)) == factor


def test_rows_that_several_folds_leave_out_count_once():
    assert shrinkage(*4 * [gaining(2, 1)]) == 0.0


def test_one_row_does_not_decide():
    fold = gaining(20, 3)
    fold.numbers = np.zeros(60, dtype=int)
    assert shrinkage(fold) == 0.0


def rows(n_samples):
    """Rows that all differ."""
    return torch.arange(float(n_samples))[:, None]


def test_every_fold_is_left_out_once():
    parts = Folds(3, 3).split(rows(11), seed=0)
    left_out = torch.cat([test for _, test, _ in parts])
    assert sorted(left_out.tolist()) == list(range(11))
    for train, test, _ in parts:
        assert sorted(torch.cat([train, test]).tolist()) == list(range(11))


def test_equal_rows_share_a_number():
    x = torch.tensor([[1.0, 2.0], [0.0, 3.0], [1.0, 2.0], [-0.0, 3.0], [2.0, 1.0]])
    assert_array_equal(equal_rows(x), [0, 1, 0, 1, 2])


def test_equal_rows_are_in_the_same_fold():
    numbers = np.random.default_rng(0).integers(7, size=40)
    parts = Folds(3, 3).split(torch.from_numpy(numbers)[:, None], seed=0)
    for train, test, _ in parts:
        assert not set(numbers[train]) & set(numbers[test])
        assert sorted(torch.cat([train, test]).tolist()) == list(range(40))
    assert sorted(torch.cat([test for _, test, _ in parts]).tolist()) == list(range(40))


def test_there_are_no_more_folds_than_different_rows():
    assert len(Folds(5, 5).split(torch.arange(40.0)[:, None] % 2, seed=0)) == 2


def test_only_some_folds_can_be_used():
    parts = Folds(4, 1).split(rows(12), seed=0)
    assert [(len(train), len(test)) for train, test, _ in parts] == [(9, 3)]


def test_given_folds_are_taken_as_they_are():
    pairs = [(np.array([0, 1]), np.array([2])), (np.array([2]), np.array([0, 2]))]
    parts = Folds.of_splits(pairs).split(torch.ones(3, 1), seed=0)
    found = [(train.tolist(), test.tolist()) for train, test, _ in parts]
    assert found == [([0, 1], [2]), ([2], [0, 2])]
    assert Folds.of_splits(pairs).n_left(3) == 1


def test_seed_decides_the_folds():
    first, again, other = (Folds(3, 3).split(rows(30), seed) for seed in (1, 1, 2))
    assert_array_equal(first[0][1], again[0][1])
    assert not torch.equal(first[0][1], other[0][1])


@pytest.mark.parametrize(("n_samples", "n_components"), [(6, 3), (8, 4), (501, 370)])
def test_automatic_folds_leave_more_rows_than_codes(n_samples, n_components):
    parts = Folds.auto(n_samples, n_components).split(rows(n_samples), seed=0)
    assert len(parts) > 0
    assert min(len(train) for train, _, _ in parts) > n_components


@pytest.mark.parametrize(
    ("n_samples", "n_components"),
    [(2, 1), (3, 1), (5, 1), (6, 4), (7, 4), (30, 20), (501, 375)],
)
def test_no_fold_is_left_out_where_too_few_rows_would_remain(n_samples, n_components):
    assert Folds.auto(n_samples, n_components).n_used == 0


def test_automatic_folds_are_fewer_with_more_rows():
    used = [Folds.auto(n, 2) for n in (3, 6, 500, 501, 10_000, 10_001)]
    assert [folds.n_used for folds in used] == [0, 3, 3, 1, 1, 1]
    assert [folds.is_sample for folds in used] == 5 * [False] + [True]


def test_fold_of_a_large_table_is_a_sample():
    train, test, numbers = Folds.auto(12_000, 2).split(rows(12_000), seed=0)[0]
    assert len(test) == ENOUGH_ROWS // 4
    assert torch.equal(torch.cat([train, test]).sort().values, torch.arange(12_000))
    assert test.float().mean() == pytest.approx(6_000, rel=0.1)
    assert len(set(numbers.tolist())) == len(test)
    assert Folds.auto(12_000, 2).n_left(12_000) == len(train)


@pytest.mark.parametrize(("n_different", "n_left_out"), [(60, 2600), (2, 6000)])
def test_sample_shares_no_row_with_the_others(n_different, n_left_out):
    x = torch.arange(12_000.0)[:, None] % n_different
    train, test, numbers = Folds.auto(12_000, 2).split(x, seed=0)[0]
    assert not set(x[train, 0].tolist()) & set(x[test, 0].tolist())
    assert len(test) == n_left_out
    assert len(set(numbers.tolist())) == len(set(x[test, 0].tolist()))
