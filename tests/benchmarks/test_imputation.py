"""The imputation benchmark, at a small size."""

import numpy as np
import pandas as pd
import pytest

from benchmarks import __main__ as command
from benchmarks import imputation
from benchmarks.datasets import linear_redundancy


def test_every_method_is_measured_on_the_same_cells():
    rows = pd.DataFrame(
        imputation.measure_mask(linear_redundancy(n_samples=80, n_features=24), seed=0)
    )
    assert set(rows["method"]) == {*imputation.IMPUTERS, "autoencoder"}
    assert (rows["rmse"] > 0).all()
    assert rows["rmse"].max() < 1.3  # columns are standardised
    ours = rows[rows["method"] == "autoencoder"]
    assert 0 < ours["observed_fvu"].item() < 1
    assert (rows["cpu_seconds"] > 0).all()


def test_observed_fvu_leaves_missing_cells_out():
    X = np.array([[1.0, np.nan], [-1.0, 2.0], [np.nan, -2.0]])
    assert imputation.observed_fvu(X, np.nan_to_num(X, nan=99.0)) == 0
    assert imputation.observed_fvu(X, np.zeros_like(X)) == 1


@pytest.mark.parametrize(("rmse", "fvu"), [(0.3, 0.21), (0.3, 0.23), (0.5, 0.21)])
def test_promises_compare_with_the_best_imputer_and_complete_rows(rmse, fvu):
    rows = pd.DataFrame(
        {
            "table": "toy",
            "section": imputation.SECTION,
            "method": ["SimpleImputer", "KNNImputer", "autoencoder"],
            "rmse": [1.0, 0.4, rmse],
            "observed_fvu": [np.nan, np.nan, fvu],
            "complete_fvu": [np.nan, np.nan, 0.2],
        }
    )
    kept = [promise.kept for promise in imputation.promises(rows)]
    assert kept == [rmse < 0.4, fvu <= 0.22]


def test_missing_tables_are_named():
    with pytest.raises(SystemExit, match="communities, satimage"):
        command.main(["imputation"])
