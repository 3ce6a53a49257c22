from io import StringIO

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import load_breast_cancer, load_iris

from benchmarks import outliers
from benchmarks.__main__ import main, parse_options
from benchmarks.datasets import Table
from benchmarks.outliers import CLEAN, FAR, KIND, OURS, PYOD, RARE, SWAPPED


@pytest.fixture
def iris():
    return Table("iris", *load_iris(return_X_y=True), "classification")


@pytest.fixture
def ranks():
    """Columns in step, so that swapped cells show, and far ones too."""
    X = np.arange(1000.0)[:, None] + np.zeros(8)
    return Table("ranks", X, np.zeros(1000), "regression")


def test_rare_class_is_another_in_each_split(iris):
    for split in range(4):
        rng = np.random.default_rng(split)
        rows, odd = outliers.with_rare(iris, rng, split)
        assert len(rows) == 100
        assert len(odd) == 5
        wanted = iris.X[iris.y == split % 3]
        assert all((wanted == row).all(axis=1).any() for row in odd)


def test_case_of_the_issue_has_twenty_malignant_rows():
    table = Table(
        outliers.BENIGN, *load_breast_cancer(return_X_y=True), "classification"
    )
    case = outliers.among(table, RARE, 0)
    assert case.X.shape == (377, 30)
    assert case.is_odd.sum() == 20
    assert case.X.std(axis=0) == pytest.approx(1)
    sizes = case.X[case.is_odd == 1].mean(), case.X[case.is_odd == 0].mean()
    assert sizes[0] > sizes[1] + 1


def test_swapped_rows_have_cells_of_two_rows(ranks):
    rows, odd = outliers.with_planted(ranks, np.random.default_rng(0), SWAPPED)
    assert len(rows) == 600
    assert len(odd) == 30
    assert (np.ptp(rows, axis=1) == 0).all()
    assert {len(np.unique(row)) for row in odd} <= {1, 2}
    assert np.mean(np.ptp(odd, axis=1) > 0) > 0.9


def test_far_rows_have_some_other_cells(ranks):
    rows, odd = outliers.with_planted(ranks, np.random.default_rng(0), FAR)
    changed = odd != np.median(odd, axis=1)[:, None]
    assert changed.any(axis=1).all()
    assert 0.1 < changed.mean() < 0.35
    assert odd.min() < rows.min()


def test_benign_rows_alone_are_fitted_to():
    case = outliers.clean(outliers.BENIGN, 0)
    assert len(case.X) + len(case.new) == 569
    assert case.is_odd.sum() == 212
    assert case.X.std(axis=0) == pytest.approx(1)
    assert outliers.clean(outliers.BENIGN, 1).X[0] != pytest.approx(case.X[0])


def test_digit_is_unknown_to_the_fit():
    case = outliers.clean(outliers.DIGITS, 3)
    assert case.kind == CLEAN
    assert case.is_odd.sum() == 183
    assert len(case.X) + len(case.new) == 1797
    found = outliers.METHODS["PCA"](case)
    assert found[case.is_odd == 1].mean() > found[case.is_odd == 0].mean()


@pytest.mark.parametrize(
    "name", [outliers.LINEAR, "PCA", outliers.FOREST, "LocalOutlierFactor"]
)
def test_methods_find_rows_far_out_with_and_without_them(name):
    X = np.random.default_rng(0).standard_normal((60, 4))
    X[-5:] += np.eye(5, 4) * 30
    X[-1] -= 30
    is_odd = np.repeat([0, 1], [55, 5])
    for case in (
        outliers.Case("toy", FAR, 0, X, None, is_odd, 1),
        outliers.Case("toy", CLEAN, 0, X[:55], X, is_odd, 1),
    ):
        (row,) = outliers.measured(case, [name])
        assert row[outliers.AUC] > 0.7
        assert row["rows"] == len(case.X)


def test_size_of_the_code_is_the_detectors():
    for shape in [(630, 57), (125, 13), (600, 3), (30, 40)]:
        build = outliers.AutoencoderOutlierDetector()._build
        found = outliers.n_components_of(np.empty(shape))
        assert found == build(shape, 0).n_components


def frame_of(**aucs):
    """Return a row a method, for each kind."""
    cases = [(RARE, outliers.BENIGN), (CLEAN, outliers.DIGITS), (FAR, "wine")]
    rows = [
        {KIND: kind, "table": table, "method": name, "split": 0, outliers.AUC: auc}
        for kind, table in cases
        for name, auc in aucs.items()
    ]
    return pd.DataFrame(rows)


def test_promises_compare_with_the_others():
    names = {"detector": 0.9, "PCA": 0.8, "IsolationForest": 0.9, "pyod": 0.95}
    kept = [p.kept for p in outliers.promises(frame_of(**names, autoencoder=0.97))]
    assert kept == [True, True, True, True, False]
    names["detector"] = 0.84
    kept = [p.kept for p in outliers.promises(frame_of(**names, autoencoder=0.98))]
    assert kept == [False, True, True, False, False]


def test_rows_that_are_there_are_not_measured_again(tmp_path, monkeypatch):
    monkeypatch.setattr(
        outliers, "METHODS", {OURS: lambda case: case.X[:, 0], "PCA": outliers._pca}
    )
    arguments = ["outliers", "--quick", "--resume", "--output", str(tmp_path)]
    assert main(arguments) in (0, 1)
    path = tmp_path / "outliers_quick.csv"
    before = path.read_text(encoding="utf-8")
    assert before.count("\nwine,") == 6
    assert main(arguments) in (0, 1)
    assert path.read_text(encoding="utf-8") == before
    pd.read_csv(path)[1:].to_csv(path, index=False)
    main(arguments)
    assert_array_equal(pd.read_csv(path)["method"].value_counts(), [3, 3])


def test_tables_with_categories_give_their_numbers(tmp_path):
    (tmp_path / "mixed").mkdir()
    (tmp_path / "tabular").mkdir()
    np.savez(tmp_path / "tabular/toy.npz", X=np.eye(4), y=np.arange(4))
    text = "a,b,c\n1,x,2\n3,y,4\n"
    for name in ("abalone", "diabetes"):
        pd.read_csv(StringIO(text)).to_csv(
            tmp_path / f"mixed/{name}.csv.gz", index=False
        )
    options = parse_options("outliers", outliers.SUITE, ["--data", str(tmp_path)])
    found = {table.name: table for table in outliers.tables_of(options)}
    assert_array_equal(found["abalone"].X, [[1, 2], [3, 4]])
    assert_array_equal(found["pima"].X, [[1], [3]])
    assert found["pima"].task == "classification"
    assert found["abalone"].task == "regression"
    assert PYOD in outliers.METHODS
