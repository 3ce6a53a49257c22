"""The benchmark of codes for a share of the variance, at a small size."""

import pandas as pd
import pytest

from benchmarks import shares
from benchmarks.datasets import linear_redundancy


def test_all_methods_are_measured_on_the_same_rows():
    table = linear_redundancy(n_samples=80, n_features=8, n_factors=2)
    rows = pd.DataFrame(shares.measure_tables([table]))
    pair = ["autoencoder", shares.GIVEN]
    assert list(rows["method"]) == ["PCA", *pair, *pair, *pair]
    assert list(rows["seed"]) == [0, 0, 0, 1, 1, 2, 2]
    assert (rows["n_components"] == 2).all()
    by_seed = rows[rows["method"] != "PCA"].groupby("seed")["held_out_share"]
    assert (by_seed.nunique() == 1).all()
    assert rows["held_out_share"].between(0.8, 1.0).all()


@pytest.mark.parametrize(
    ("ours", "share", "times", "kept"),
    [
        ((2, 3, 4), 0.88, (1, 2, 4), [True, True, True, True]),
        ((3, 3, 4), 0.95, (2, 2, 2.1), [True, False, True, False]),
        ((2, 3, 6), 0.8, (1, 1, 7.9), [False, True, False, True]),
    ],
)
def test_promises_count_tables(ours, share, times, kept):
    rows = pd.DataFrame(
        {
            "table": [*"abc" * 3],
            "method": ["PCA"] * 3 + ["autoencoder"] * 3 + [shares.GIVEN] * 3,
            "n_components": [3, 4, 4, *ours, *ours],
            "held_out_share": [0.93, 0.92, 0.885, *[0.9, 0.9, share] * 2],
            "cpu_seconds": [0.1, 0.1, 0.1, *(3 * t for t in times), 3, 3, 3],
        }
    )
    assert [promise.kept for promise in shares.promises(rows)] == kept


def test_medians_of_seeds_count():
    rows = pd.DataFrame(
        {
            "table": "a",
            "method": ["PCA", *["autoencoder"] * 3],
            "n_components": [4, 3, 2, 3],
        }
    )
    assert shares.code_sizes(rows).loc["a"].tolist() == [4, 3]
