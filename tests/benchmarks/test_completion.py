"""The comparison of imputers on numeric and mixed tables, at a small size."""

import time
from argparse import Namespace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from pandas.testing import assert_frame_equal

from benchmarks import completion, imputation
from benchmarks.completion import BAYES, OURS, SIMPLE, TREES, Cell
from benchmarks.datasets import mixed_frames


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    size = rng.integers(3, size=90)
    return pd.DataFrame(
        {
            "litres": size + 0.05 * rng.standard_normal(90),
            "size": np.array(["large", "medium", "small"], dtype=object)[size],
            "price": 100.0 * size + rng.standard_normal(90),
        }
    )


def rows_of(figures):
    """Make rows of one table: a dict per method."""
    shared = {
        "section": completion.SECTION,
        "table": "toy",
        "case": "at random",
        "error": "",
    }
    defaults = dict.fromkeys(completion.TITLES, np.nan)
    return pd.DataFrame(
        [shared | defaults | {"method": m} | row for m, row in figures.items()]
    )


@pytest.mark.parametrize("case", completion.CASES)
@pytest.mark.parametrize("shape", [(300, 30), (200, 13), (40, 2)])
def test_a_fifth_of_the_cells_is_missing(case, shape):
    mask = completion.CASES[case](shape, np.random.default_rng(0))
    assert mask.shape == shape
    assert_allclose(mask.mean(), completion.SHARE, atol=0.06)
    assert not mask.all(axis=1).any()


def test_blocks_are_columns_side_by_side():
    mask = completion.in_blocks((50, 12), np.random.default_rng(0))
    holed = np.flatnonzero(mask.any(axis=0))
    assert holed.tolist() == list(range(holed[0], holed[0] + 4))
    assert set(mask.sum(axis=1)) == {0, 4}


@pytest.fixture(scope="module")
def cell(frame):
    return next(completion.cells_of("toy", frame, split=0))


@pytest.fixture(scope="module", params=completion.METHODS)
def completed(request, cell):
    """Let each method complete the table, once for all tests."""
    method = completion.Completion(request.param)
    method.fit(cell.holes)
    return method


def test_every_method_completes_a_mixed_table(cell, completed):
    filled = completed.filled
    assert list(filled) == list(cell.complete)
    assert not filled.isna().any(axis=None)
    assert set(filled["size"]) == set(cell.complete["size"])
    imputed = cell.complete.mask(cell.mask, filled)
    assert_frame_equal(filled, imputed, check_dtype=False)


def test_methods_that_look_at_other_columns_beat_the_simple_one(cell, completed):
    found = completion.scores(cell, completed.filled)
    looks = completed.method != SIMPLE
    assert (found["rmse"] < 0.6) == looks
    assert (found["accuracy"] > 0.6) == looks


def test_row_of_a_method_says_what_was_measured(cell):
    row = completion.measure_method(cell, SIMPLE)
    assert row["cpu_seconds"] > 0
    assert 0.7 < row["rmse"] < 1.3
    assert (row["table"], row["case"], row["method"]) == ("toy", "at random", SIMPLE)
    assert set(row) <= {*imputation.SUITE.columns, "threads"}


def test_ordinals_become_the_nearest_category(frame):
    class Far:
        def fit_transform(self, X):
            return np.where(np.isnan(X), 99.0, X)

    holes = frame.copy()
    holes.loc[:4, "size"] = None
    filled = completion.complete_numbers(Far(), holes)
    assert set(filled["size"][:5]) == {"small"}  # the last one
    assert filled["size"][5:].tolist() == frame["size"][5:].tolist()


def test_scores_are_of_missing_cells_alone():
    complete = pd.DataFrame(
        {"a": [0.0, 2.0, 0.0, 2.0], "b": list("xyxy"), "constant": 1.0}
    )
    filled = pd.DataFrame({"a": [9.0, 2.0, 0.5, 2.0], "b": list("zyyy"), "constant": 7})
    mask = np.zeros((4, 3), dtype=bool)
    mask[2:] = True
    found = completion.scores(Cell("toy", "", 0, complete, mask), filled)
    assert_allclose(found["rmse"], np.sqrt(0.125))
    assert found["accuracy"] == 0.5


def test_scores_of_what_is_not_missing_are_nan(frame):
    mask = np.zeros(frame.shape, dtype=bool)
    mask[:9, 0] = True
    found = completion.scores(Cell("toy", "", 0, frame, mask), frame)
    assert found["rmse"] == 0
    assert np.isnan(found["accuracy"])


def test_what_takes_too_long_gets_an_error(cell, monkeypatch):
    def forever(holes):
        end = time.process_time() + 5
        while time.process_time() < end:
            pass

    monkeypatch.setitem(completion.METHODS, TREES, forever)
    row = completion.measure_method(cell, TREES, limit=0.05)
    assert row["error"] == "stopped after 0.05 processor seconds"
    assert "rmse" not in row


def test_wide_tables_go_without_iterative_imputers(monkeypatch):
    monkeypatch.setattr(completion, "WIDE", 30)
    monkeypatch.setattr(completion, "measure_method", lambda cell, m: {"method": m})
    options = Namespace(quick=True, data=None)  # 30 columns
    methods = {row["method"] for row in completion.measure(options)}
    assert methods == set(completion.METHODS) - {BAYES, TREES}


def test_notes_name_what_is_skipped_and_what_is_absent():
    methods = [m for m in completion.METHODS if m != TREES]
    rows = rows_of({m: {} for m in methods}).assign(table="student")
    skipped, absent = completion.notes(rows)
    assert skipped.startswith(f"{TREES} is skipped")
    assert skipped.endswith("student")
    assert absent.endswith(": forestfires, marketing, abalone")


@pytest.mark.parametrize(
    ("rmse", "accuracy", "lost"),
    [(0.3, 0.9, (0, 0)), (0.5, 0.9, (1, 0)), (0.3, 0.7, (0, 1)), (0.4, 0.8, (0, 0))],
)
def test_report_says_where_another_imputer_is_better(rmse, accuracy, lost):
    rows = rows_of(
        {
            OURS: {"rmse": rmse, "accuracy": accuracy},
            SIMPLE: {"rmse": 1.0, "accuracy": 0.5},
            "KNNImputer": {"rmse": 0.4, "accuracy": 0.8},
        }
    )
    lines = list(completion.losses(rows))
    assert f"RMSE: another is better in {lost[0]} of 1 cases" in lines
    assert f"accuracy: another is better in {lost[1]} of 1 cases" in lines
    named = [line for line in lines if line.startswith("toy, at random: KNNImputer")]
    assert len(named) == sum(lost)


def test_means_leave_out_cases_without_a_figure():
    rows = rows_of({OURS: {"rmse": 0.3}, SIMPLE: {"rmse": 1.0}})
    assert completion.means(rows, "rmse")[OURS].item() == 0.3
    assert completion.means(rows, "accuracy").empty


def test_means_need_every_mask():
    first = rows_of({OURS: {"rmse": 0.3}, TREES: {"rmse": 0.2}})
    second = rows_of({OURS: {"rmse": 0.5}, TREES: {"error": "stopped"}})
    means = completion.means(pd.concat([first, second]), "rmse")
    assert means[OURS].item() == 0.4
    assert np.isnan(means[TREES].item())


def test_mixed_frames_that_are_there_are_read(tmp_path, frame):
    (tmp_path / "mixed").mkdir()
    frame.assign(count=1).to_csv(tmp_path / "mixed/toy.csv.gz", index=False)
    ((name, found),) = mixed_frames(tmp_path, ["absent", "toy"])
    assert name == "toy"
    assert completion.text_columns(found) == ["size"]
    assert found["count"].dtype == np.float64
