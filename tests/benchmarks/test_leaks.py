import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_iris

from benchmarks import leaks
from benchmarks.datasets import Table
from sklearn_ae import TargetAugmenter


def test_permuted_targets_are_compared_with_chance(monkeypatch):
    made = []

    def recorded(**parameters):
        made.append(parameters)
        return TargetAugmenter(**parameters)

    monkeypatch.setattr(leaks, "TargetAugmenter", recorded)
    table = Table("diabetes", *load_diabetes(return_X_y=True), "regression")
    row = leaks.permuted(table, 0)
    assert made == [{"random_state": 0}]
    # Nothing is appended, so that both are the same model.
    assert row[leaks.NEW] == pytest.approx(row[leaks.CHANCE])


@pytest.mark.parametrize(
    ("load", "task"),
    [(load_diabetes, "regression"), (load_iris, "classification")],
)
def test_share_of_new_rows_is_near_to_that_inside(load, task):
    row = leaks.real(Table("toy", *load(return_X_y=True), task), 0)
    assert 0.3 < row[leaks.NEW] < 1
    assert abs(row[leaks.NEW] - row[leaks.INSIDE]) < 0.25


def rows_of(gain, difference):
    permuted = [
        {"table": "a", "case": "permuted", leaks.NEW: gain + noise, leaks.CHANCE: 0.0}
        for noise in np.linspace(-0.01, 0.01, 20)
    ]
    real = {"table": "a", "case": "real", leaks.INSIDE: 0.5 + difference}
    return pd.DataFrame([*permuted, real | {leaks.NEW: 0.5}])


@pytest.mark.parametrize(
    ("gain", "difference", "kept"),
    [(0, 0.01, [True, True]), (0.02, 0.01, [False, True]), (0, -0.03, [True, False])],
)
def test_promises(gain, difference, kept):
    found = leaks.promises(rows_of(gain, difference))
    assert [promise.kept for promise in found] == kept
    assert len(list(leaks.report(rows_of(gain, difference)))) == 2
