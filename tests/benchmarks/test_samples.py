import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris

from benchmarks import samples
from benchmarks.datasets import Table


def rows_of(seed, n_rows=300):
    rng = np.random.default_rng(seed)
    first = rng.exponential(size=n_rows)
    return np.column_stack([first, first**2 + 0.1 * rng.standard_normal(n_rows)])


def test_rows_of_the_same_kind_are_not_told_apart():
    assert abs(samples.told_apart(rows_of(0), rows_of(1), 0) - 0.5) < 0.07
    assert samples.told_apart(rows_of(0), rows_of(1) + 1, 0) > 0.9


def test_copies_are_found():
    train, rows = rows_of(0), rows_of(1)
    found = samples.nearness(train, rows, train[:100])
    assert found == {samples.NEARER: 1.0, samples.COPIES: 1.0}
    same = samples.nearness(train, rows, rows_of(2))
    assert abs(same[samples.NEARER] - 0.5) < 0.08
    assert same[samples.COPIES] == 0
    assert samples.nearness(train, rows, rows + 9)[samples.NEARER] < 0.05


def test_copula_has_margins_and_ranks():
    X = rows_of(0)
    drawn = samples.GaussianCopula(0).fit(X).sample(2000)
    quantiles = [0.1, 0.5, 0.9]
    wanted = np.quantile(X, quantiles, axis=0)
    assert np.quantile(drawn, quantiles, axis=0) == pytest.approx(
        wanted, rel=0.2, abs=0.1
    )
    assert pd.DataFrame(drawn).corr("spearman").iloc[0, 1] > 0.9


def test_gaussian_has_moments():
    X = rows_of(0)
    drawn = samples.OneGaussian(0).fit(X).sample(5000)
    assert drawn.mean(axis=0) == pytest.approx(X.mean(axis=0), rel=0.1)
    assert np.cov(drawn.T) == pytest.approx(np.cov(X.T), rel=0.15)


def test_a_split_is_measured():
    table = Table("iris", *load_iris(return_X_y=True), "classification")
    found = list(samples.measured(table, ["PCA", "Gaussian copula"], 0))
    assert [row["method"] for row in found] == ["PCA", "Gaussian copula"]
    for row in found:
        assert 0.1 < row[samples.AUC] < 0.9
        assert row[samples.SCORE] > 0.6
        assert row[samples.REAL] > 0.8


def frame_of(**aucs):
    columns = (samples.NEARER, samples.COPIES, samples.SCORE, samples.REAL)
    shared = dict.fromkeys((*columns, samples.CPU_SECONDS, samples.WITH_TARGET), 0.5)
    pairs = {samples.OURS: aucs["ours"], samples.LINEAR: aucs["pca"]}
    return pd.DataFrame(
        [
            {"table": samples.REFERENCE, "method": name, "split": 0, samples.AUC: auc}
            | shared
            for name, auc in pairs.items()
        ]
    )


@pytest.mark.parametrize(
    ("ours", "pca", "kept"),
    [(0.6, 0.7, [True, True]), (0.65, 0.7, [False, True]), (0.6, 0.55, [True, False])],
)
def test_promises(ours, pca, kept):
    rows = frame_of(ours=ours, pca=pca)
    assert [promise.kept for promise in samples.promises(rows)] == kept
    text = "\n".join(samples.report(rows))
    assert "Medians over the 1 tables with all methods" in text
