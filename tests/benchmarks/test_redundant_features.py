import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import cross_val_score

from benchmarks import published, redundant_features
from benchmarks.datasets import REGIMES, Table, linear_redundancy, no_redundancy
from benchmarks.methods import PREDICTORS, REDUCERS, TARGETED, build_pipeline
from benchmarks.redundant_features import FACTORS, Job, held_out_fvu, measure_job


@pytest.fixture(scope="module")
def toy_regimes() -> list[Table]:
    return [generate(n_samples=40, n_features=12) for generate in REGIMES.values()]


@pytest.fixture(scope="module")
def regime_rows(toy_regimes: list[Table]) -> pd.DataFrame:
    return pd.DataFrame(
        row
        for job in redundant_features.regime_jobs(toy_regimes, n_components=2)
        for row in redundant_features.measure_job(job, 1)
    )


@pytest.mark.parametrize("method", ["nothing", "PCA"])
def test_measured_scores_are_those_of_cross_val_score(method):
    table = linear_redundancy(n_samples=50, n_features=12)
    expected = cross_val_score(
        build_pipeline(method, "regression", 3), table.X, table.y
    )
    scores = [row["score"] for row in measure_job(Job(table, method, 3))]
    assert_allclose(scores, expected)


def test_held_out_fvu_of_pca_matches_its_explained_variance():
    table = linear_redundancy(n_samples=50, n_features=12)
    pipeline = build_pipeline("PCA", "regression", 3).fit(table.X, table.y)
    explained = pipeline.named_steps["reducer"].explained_variance_ratio_.sum()
    assert_allclose(held_out_fvu(pipeline, table.X), 1 - explained)


def test_held_out_fvu_is_missing_where_nothing_is_reduced():
    table = linear_redundancy(n_samples=50, n_features=12)
    pipeline = build_pipeline("nothing", "regression", 3).fit(table.X, table.y)
    assert np.isnan(held_out_fvu(pipeline, table.X))


def test_cut_off_solution_is_that_of_scikit_learn():
    table = no_redundancy(n_samples=50, n_features=60)
    expected = cross_val_score(LinearRegression(), table.X, table.y)
    scores, rank, singular_values = published.solve_folds(table.X, table.y, True)
    assert_allclose(scores, expected, atol=1e-8)
    # 40 centred rows span 39 directions; what is left of the last is rounding.
    assert rank == 39
    assert singular_values[-1] < 1e-12 < singular_values[-2]


def test_solution_without_cut_off_uses_rounding_noise():
    table = no_redundancy(n_samples=50, n_features=60)
    _, rank, _ = published.solve_folds(table.X, table.y, False)
    assert rank == 40


def test_every_method_is_measured_in_every_regime(regime_rows):
    methods = regime_rows.groupby("table")["method"].agg(set)
    known = {*REDUCERS, *TARGETED, *PREDICTORS}
    assert methods["none"] == known
    assert methods["linear"] == methods["curved"] == {*known, FACTORS}
    assert np.isfinite(regime_rows["score"]).all()
    reduced = regime_rows["method"].isin({"PCA", "KernelPCA", "autoencoder", *TARGETED})
    assert_array_equal(regime_rows["held_out_fvu"].notna(), reduced)


def test_figure_has_a_column_per_regime(regime_rows, tmp_path):
    redundant_features.draw(regime_rows, tmp_path / "toy")
    assert (tmp_path / "toy.png").stat().st_size > 0
    figure = redundant_features.regime_figure(regime_rows)
    titles = [ax.get_title() for ax in figure.axes[:3]]
    assert titles == list(redundant_features.REGIME_TITLES.values())


@pytest.mark.parametrize(
    ("linear", "curved", "expected"),
    [(0.95, 0.98, [True, True]), (0.90, 0.96, [False, False])],
)
def test_promises_compare_with_what_is_promised(linear, curved, expected):
    rows = pd.DataFrame(
        [("linear", "PCA", 0.95, fold) for fold in (0, 1)]
        + [
            ("linear", "autoencoder", linear, 0),
            ("curved", "autoencoder", curved, 0),
        ],
        columns=["table", "method", "score", "split"],
    )
    kept = [promise.kept for promise in redundant_features.promises(rows)]
    assert kept == [*expected, None, None, None]


def test_target_promises_compare_with_what_is_promised(regime_rows):
    found = redundant_features.target_promises(regime_rows)
    assert len(found) == 4
    kept = regime_rows.assign(score=1.0, held_out_fvu=0.5)
    assert all(p.kept for p in redundant_features.target_promises(kept))
    with_target = kept["method"] == "autoencoder with target"
    kept.loc[with_target, ["score", "held_out_fvu"]] = 0.97, 0.56
    assert not any(p.kept for p in redundant_features.target_promises(kept))
    assert redundant_features.target_promises(kept[~with_target]) == []


def test_real_tables_are_reported_side_by_side():
    table = linear_redundancy(n_samples=40, n_features=6)
    jobs = list(redundant_features.table_jobs([table]))
    assert [(job.method, job.n_components) for job in jobs] == [
        ("PCA", 2), ("autoencoder", 2),
    ]  # fmt: skip
    rows = pd.DataFrame(row for job in jobs for row in measure_job(job, 1))
    shown = redundant_features.real_table(rows).loc[("linear", 2)]
    fvu = rows.set_index("method")["held_out_fvu"]
    assert_allclose(shown["ratio"], fvu["autoencoder"] / fvu["PCA"])
    assert shown["PCA"] == rows["score"][0]


def test_published_curve_is_measured_and_compared():
    rows = pd.DataFrame(published.measure_curve(200, max_iter=1))
    assert list(rows["method"]) == list(published.LAYERS_OF_CURVE)
    assert [promise.kept for promise in published.curve_promises(rows)] == [False] * 3
    best = rows.assign(validation_mse=2e-4, largest_error=0.1)
    assert [promise.kept for promise in published.curve_promises(best)] == [True] * 3
    text = "".join(published.curve_text(best))
    assert "| published, after 69 epochs | 0.027600 | 0.896600 |" in text
    assert "| autoencoder | 0.000200 | 0.100000 |" in text
