import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import cross_val_score

from benchmarks import published, real_tables, redundant_features, report
from benchmarks.datasets import (
    BUNDLED,
    REGIMES,
    Table,
    bundled_table,
    curved_redundancy,
    linear_redundancy,
    no_redundancy,
    saved_tables,
)
from benchmarks.folds import Job, held_out_fvu, measure
from benchmarks.methods import REDUCERS, build_pipeline


@pytest.fixture(scope="module")
def toy_regimes() -> list[Table]:
    return [generate(n_samples=40, n_features=12) for generate in REGIMES.values()]


@pytest.fixture(scope="module")
def regime_rows(toy_regimes: list[Table]) -> pd.DataFrame:
    return redundant_features.run_regimes(toy_regimes, n_components=2, n_folds=1)


@pytest.fixture
def saved_folder(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("data")
    (folder / "tabular").mkdir()
    rng = np.random.default_rng(0)
    X = rng.standard_normal((30, 5)).astype(np.float32)
    names = np.array(list("abcde"))
    labels = np.repeat([0, 1, 2], 10)
    np.savez(folder / "tabular/letters.npz", X=X, y=labels, feature_names=names)
    np.savez(folder / "tabular/levels.npz", X=X, y=X[:, 0], feature_names=names)
    return folder


@pytest.mark.parametrize("name", REGIMES)
def test_regime_depends_on_its_seed_only(name):
    first, again, other = (
        REGIMES[name](n_samples=20, n_features=15, random_state=seed)
        for seed in (3, 3, 4)
    )
    assert first.X.shape == (20, 15)
    assert first.y.shape == (20,)
    assert_array_equal(first.X, again.X)
    assert_array_equal(first.y, again.y)
    assert not np.array_equal(first.X, other.X)


@pytest.mark.parametrize("name", REGIMES)
def test_regime_leaves_the_global_generator_alone(name):
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    REGIMES[name](n_samples=5, n_features=12)
    assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_no_redundancy_is_the_published_case():
    np.random.seed(0)  # noqa: NPY002
    X = np.random.randn(1000, 900)  # noqa: NPY002
    y = 2 * X[:, 0] + 1 + 0.1 * np.random.randn(1000)  # noqa: NPY002
    table = no_redundancy()
    assert_array_equal(table.X, X)
    assert_array_equal(table.y, y)


def test_linear_columns_repeat_their_factor_in_other_units():
    table = linear_redundancy(n_samples=500, n_features=24, n_factors=4)
    for j in range(24):
        correlation = np.corrcoef(table.X[:, j], table.factors[:, j % 4])[0, 1]
        # Noise of 0.1 to 0.3 standard deviations leaves 0.995 to 0.958, give or take.
        assert 0.94 < correlation < 0.998
    scale = table.X.std(axis=0)
    assert scale.max() / scale.min() > 100


def test_curved_columns_are_bumps_of_their_factor():
    table = curved_redundancy(n_samples=200, n_features=30, n_factors=3)
    assert abs(table.factors).max() <= 1
    # Bumps lie between 0 and 1; noise of 0.1 does not reach far beyond.
    assert table.X.min() > -0.6
    assert table.X.max() < 1.6
    assert_allclose(table.y, 2 * table.factors[:, 0] + 1, atol=0.5)


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_table_names_its_columns(name):
    table = bundled_table(name)
    assert len(table.feature_names) == table.X.shape[1]
    assert len(table.y) == len(table.X)
    assert (table.task == "regression") == (name == "diabetes")


def test_saved_table_tells_labels_from_numbers(saved_folder):
    letters, levels = saved_tables(saved_folder)
    assert (letters.name, letters.task) == ("letters", "classification")
    assert (levels.name, levels.task) == ("levels", "regression")
    assert levels.X.dtype == np.float64
    assert levels.feature_names == tuple("abcde")


def test_folder_without_tables_is_named(tmp_path):
    message = f"{str(tmp_path)!r} has no file tabular/*.npz"
    with pytest.raises(FileNotFoundError, match=re.escape(message)):
        saved_tables(tmp_path)


def test_wrong_folder_ends_the_job_before_it_starts(tmp_path):
    with pytest.raises(SystemExit, match=re.escape("--data: ")):
        redundant_features.main(["--data", str(tmp_path)])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("method", ["nothing", "PCA"])
def test_measured_scores_are_those_of_cross_val_score(method):
    table = linear_redundancy(n_samples=50, n_features=12)
    expected = cross_val_score(
        build_pipeline(method, "regression", 3), table.X, table.y
    )
    scores = [row["score"] for row in measure(Job(table, method, 3))]
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
    methods = regime_rows.groupby("data")["method"].agg(set)
    assert methods["none"] == set(REDUCERS)
    assert methods["linear"] == methods["curved"] == {*REDUCERS, report.FACTORS}
    assert np.isfinite(regime_rows["score"]).all()
    reduced = regime_rows["method"].isin({"PCA", "KernelPCA", "autoencoder"})
    assert_array_equal(regime_rows["held_out_fvu"].notna(), reduced)


def test_regimes_are_reported_as_text_rows_and_figure(regime_rows, tmp_path, capsys):
    redundant_features.report_regimes(regime_rows, tmp_path, "toy")
    assert "held-out FVU" in capsys.readouterr().out
    written = pd.read_csv(tmp_path / "toy.csv")
    assert list(written.columns[:5]) == [
        "regime", "method", "n_components", "fold", "r2",
    ]  # fmt: skip
    assert len(written) == len(regime_rows)
    assert (tmp_path / "toy.png").stat().st_size > 0


@pytest.mark.parametrize(
    ("linear", "curved", "expected"),
    [(0.95, 0.98, [True, True]), (0.90, 0.96, [False, False])],
)
def test_verdicts_compare_with_what_is_promised(linear, curved, expected):
    rows = pd.DataFrame(
        [
            ("linear", "PCA", 0.95),
            ("linear", "autoencoder", linear),
            ("curved", "autoencoder", curved),
        ],
        columns=["data", "method", "score"],
    )
    kept = [holds for _, holds in redundant_features.verdicts(rows)]
    assert kept == expected


def test_real_tables_skip_codes_that_are_not_smaller(saved_folder, tmp_path, capsys):
    tables = list(saved_tables(saved_folder))
    rows = real_tables.run(tables, n_folds=1)
    assert set(rows["n_components"]) == {2}
    redundant_features.report_tables(tables, rows, tmp_path / "toy.csv")
    printed = capsys.readouterr().out
    assert "letters has 5 columns: k=10 is skipped." in printed
    assert len(pd.read_csv(tmp_path / "toy.csv")) == len(tables) * 2


def test_code_as_wide_as_the_table_is_skipped():
    table = linear_redundancy(n_samples=20, n_features=10)
    narrow = replace(table, name="narrow", X=table.X[:, :2])
    assert list(real_tables.skipped([table, narrow])) == [
        "linear has 10 columns: k=10 is skipped.",
        "narrow has 2 columns: k=2 is skipped.",
        "narrow has 2 columns: k=10 is skipped.",
    ]


def test_quick_form_takes_two_tables(saved_folder):
    tables = real_tables.load_tables(saved_folder, quick=True)
    assert [table.name for table in tables] == ["digits"]
    tables = real_tables.load_tables(saved_folder, quick=False)
    assert [table.name for table in tables] == [*BUNDLED, "letters", "levels"]
