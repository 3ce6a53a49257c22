from argparse import Namespace

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_iris

from benchmarks import downstream
from benchmarks.cells import Cell
from benchmarks.datasets import Table
from benchmarks.downstream import ALL_COLUMNS, MODELS
from benchmarks.methods import WITH_TARGET


def iris():
    return Table("iris", *load_iris(return_X_y=True), "classification")


def rows_of(scores, size=5):
    """Lay linear scores of one table out as rows, by method."""
    return pd.DataFrame(
        {
            "table": "toy",
            "n_components": 8 if method == ALL_COLUMNS else size,
            "split": 0,
            "method": method,
            "linear": score,
        }
        for method, score in scores.items()
    )


@pytest.mark.parametrize("method", [ALL_COLUMNS, "PCA", "PCovR"])
def test_a_cell_has_the_scores_of_all_models(method):
    row = downstream.measure_cell(Cell(iris(), 2, 0, method))
    assert "error" not in row
    assert all(row[model] > 0.85 for model in MODELS)
    assert ("held_out_fvu" in row) == (method != ALL_COLUMNS)


def test_training_codes_are_those_of_held_out_rows():
    X, y = load_diabetes(return_X_y=True)
    codes = downstream._Codes(downstream.METHODS["PCovR"](2, 0))
    codes.fit(X, y)
    assert not np.allclose(codes.codes, codes.model.transform(X))


def test_an_error_gets_a_row():
    row = downstream.measure_cell(Cell(iris(), 5, 0, "PCA"))
    assert row["error"].startswith("ValueError: n_components=5")


def test_plan_has_all_columns_once_and_no_slow_kernel():
    options = Namespace(
        data=None, tables=["wine", "digits"], methods=None, quick=False, n_splits=2
    )
    groups = downstream.plan(options)
    cells = [cell for group in groups for cell in group]
    whole = [cell for cell in cells if cell.method == ALL_COLUMNS]
    assert {(c.table.name, c.n_components, c.split) for c in whole} == {
        (name, size, split)
        for name, size in (("wine", 13), ("digits", 64))
        for split in (0, 1)
    }
    assert {cell.n_components for cell in cells if cell.table.name == "wine"} == {
        2, 5, 10, 13,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("score", "kept"), [(0.90, [True, True]), (0.84, [False, True]), (0.7, [False] * 2)]
)
def test_promises_compare_with_all_columns_and_pca(score, kept):
    rows = rows_of({ALL_COLUMNS: 0.9, "PCA": 0.8, WITH_TARGET: score})
    assert [promise.kept for promise in downstream.promises(rows)] == kept


def test_nothing_is_promised_without_the_methods():
    assert downstream.promises(rows_of({"PCA": 0.8, ALL_COLUMNS: 0.9})) == []


def test_report_names_the_worst_cell():
    rows = rows_of({ALL_COLUMNS: 0.9, "PCA": 0.8, WITH_TARGET: 0.7})
    rows = rows.assign(
        neighbours=0.5, boosting=0.5, held_out_fvu=[np.nan, 0.4, 0.2], cpu_seconds=1.0
    )
    text = "\n".join(downstream.report(rows))
    assert (
        "| autoencoder with target | linear | -0.100 | -0.100 | toy k=5 | 1 of 1 |"
        in text
    )
    assert "| toy | 5 | 1.000 | 0.500 |" in text
