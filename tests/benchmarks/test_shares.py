"""The benchmark of codes for a share of the variance, at a small size."""

import pandas as pd
import pytest

from benchmarks import shares
from benchmarks.datasets import linear_redundancy


def test_both_methods_are_measured_on_the_same_rows():
    table = linear_redundancy(n_samples=80, n_features=8, n_factors=2)
    rows = pd.DataFrame(shares.measure_tables([table]))
    assert list(rows["method"]) == ["PCA", "autoencoder"]
    assert list(rows["n_components"]) == [2, 2]
    assert rows["held_out_share"].between(0.8, 1.0).all()


@pytest.mark.parametrize(
    ("ours", "share", "kept"),
    [
        ((2, 3, 4), 0.88, [True, True, True]),
        ((3, 3, 4), 0.95, [True, False, True]),
        ((2, 3, 6), 0.8, [False, True, False]),
    ],
)
def test_promises_count_tables(ours, share, kept):
    rows = pd.DataFrame(
        {
            "table": [*"abc", *"abc"],
            "method": ["PCA"] * 3 + ["autoencoder"] * 3,
            "n_components": [3, 4, 4, *ours],
            "held_out_share": [0.93, 0.92, 0.885, 0.9, 0.9, share],
        }
    )
    assert [promise.kept for promise in shares.promises(rows)] == kept
