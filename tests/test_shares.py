"""The benchmark of codes for a share of the variance, at a small size."""

import pandas as pd
import pytest

from benchmarks import shares
from benchmarks.datasets import linear_redundancy


def test_both_methods_are_measured_on_the_same_rows():
    table = linear_redundancy(n_samples=80, n_features=8, n_factors=2)
    rows = pd.DataFrame(shares.measure(table))
    assert list(rows["method"]) == ["PCA", "autoencoder"]
    assert list(rows["n_components"]) == [2, 2]
    assert rows["held_out_share"].between(0.8, 1.0).all()


@pytest.mark.parametrize(
    ("ours", "kept"),
    [((2, 3, 4), [True, True]), ((3, 3, 4), [True, False]), ((2, 3, 6), [False, True])],
)
def test_promises_count_tables(ours, kept):
    rows = pd.DataFrame(
        {
            "table": [*"abc", *"abc"],
            "method": ["PCA"] * 3 + ["autoencoder"] * 3,
            "n_components": [3, 4, 4, *ours],
        }
    )
    assert [promise.kept for promise in shares.promises(rows)] == kept
