"""The comparison of fixed weights of a target with those that folds choose."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge

from benchmarks import mixing
from benchmarks.datasets import Table
from sklearn_ae import TargetAugmenter


def test_largest_share_that_keeps_the_score_is_chosen():
    results = {
        "mean_test_score": np.array([0.90, 0.92, 0.915, 0.80]),
        "std_test_score": np.full(4, 0.01 * np.sqrt(3)),
        "param_augmenter__mixing": np.array([0.5, 0.7, 0.9, 0.97]),
    }
    assert mixing.largest_that_keeps_the_score(results) == 2


def test_cell_measures_fixed_shares_and_the_search(monkeypatch):
    monkeypatch.setattr(mixing, "TargetAugmenter", partial(TargetAugmenter, Ridge()))
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 5))
    table = Table("toy", X, X[:, 0] + 0.1 * rng.standard_normal(60), "regression")
    rows = pd.DataFrame(mixing.measure_cell(table, 2, 0))
    assert rows["method"].tolist() == ["0.5", "0.7", "0.9", "0.97", "searched"]
    same = rows[rows["mixing"] == rows["mixing"].iloc[-1]]
    assert len(same) == 2
    assert same["linear"].nunique() == 1
    text = "\n".join(mixing.report(rows))
    assert "What the folds chose" in text
    compared = mixing.against_default(rows)
    assert compared.loc["0.5", "loss, geometric mean"] == pytest.approx(1.0)
