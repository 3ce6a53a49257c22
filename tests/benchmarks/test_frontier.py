"""Loss against time, at a small size and on rows made up."""

import re

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.decomposition import PCA

from benchmarks import __main__ as command
from benchmarks import cells, frontier, methods, readme, records
from benchmarks.cells import Cell
from benchmarks.datasets import linear_redundancy
from benchmarks.measuring import time_limit

TABLES = {"flat": 0.4, "bent": 0.1}
# Seconds and ratio to PCA of each method on both tables.
FIGURES = {
    "PCA": (0.01, 1.0),
    "autoencoder max_iter=2": (0.2, 0.9),
    "autoencoder default": (0.8, 0.6),
    "autoencoder max_iter=100": (3.2, 0.5),
    "ridge": (0.02, 0.8),
    "plain": (1.6, 0.9),
}


class Endless(PCA):
    def fit(self, X, y=None):
        while True:
            pass


@pytest.fixture
def rows() -> pd.DataFrame:
    lines = []
    for table, fvu in TABLES.items():
        X = linear_redundancy(n_samples=40, n_features=6, n_factors=2)
        for method, (seconds, ratio) in FIGURES.items():
            line = Cell(X, 2, 0, method).description | records.circumstances()
            figures = {"held_out_fvu": ratio * fvu, "cpu_seconds": seconds}
            names = {"table": table, "error": "", "fit_rows": 30}
            lines.append(line | names | figures)
    return pd.DataFrame(lines)


@pytest.fixture
def in_this_process(monkeypatch) -> None:
    def apart(group, measure):
        return map(measure, group)

    monkeypatch.setattr(cells, "measure_apart", apart)


def change(rows, method, seconds, ratio):
    its = rows["method"] == method
    rows.loc[its, "cpu_seconds"] = seconds
    rows.loc[its, "held_out_fvu"] = ratio * rows.loc[its, "table"].map(TABLES)


def kept(rows) -> bool | None:
    (promise,) = frontier.promises(rows)
    return promise.kept


def fail(rows, method, table="bent"):
    its = (rows["method"] == method) & (rows["table"] == table)
    rows.loc[its, ["held_out_fvu", "cpu_seconds"]] = np.nan
    rows.loc[its, "error"] = "TimeoutError: stopped"


def test_means_are_geometric(rows):
    first = (rows["method"] == "plain") & (rows["table"] == "flat")
    rows.loc[first, ["cpu_seconds", "held_out_fvu"]] = [0.4, 0.4 * 3.6]
    found = frontier.summarise(rows).loc["plain"]
    assert_allclose(found["seconds"], 0.8)
    assert_allclose(found["times PCA's"], 80)
    assert_allclose(found[frontier.RATIO], 1.8)
    assert_allclose(found["worst"], 3.6)
    assert_allclose(found["ours then"], 0.6)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.1, 0.9), (0.2, 0.9), (0.4, 0.54**0.5), (1.6, 0.3**0.5), (9.0, 0.5)],
)
def test_curve_is_interpolated_in_logarithms(rows, seconds, expected):
    curve = frontier.our_curve(*frontier.cells_of(rows))
    assert_allclose(frontier.reached(curve, seconds), expected)


def test_dearer_fit_that_is_worse_counts_as_the_cheaper(rows):
    change(rows, "autoencoder max_iter=100", 3.2, 0.7)
    curve = frontier.our_curve(*frontier.cells_of(rows))
    assert_allclose(frontier.reached(curve, 3.2), 0.6)


@pytest.mark.parametrize(
    ("seconds", "ratio", "expected"),
    [
        (0.4, 0.75, True),
        (0.4, 0.72, False),
        (0.15, 0.95, True),
        (0.15, 0.85, False),
        (0.05, 0.3, True),
        (3.0, 0.49, False),
        (4.0, 0.3, True),
    ],
)
def test_rivals_must_not_be_cheaper_and_better(rows, seconds, ratio, expected):
    change(rows, "plain", seconds, ratio)
    assert kept(rows) == expected
    assert ("plain" in frontier.promises(rows)[0].found) != expected


def test_rival_is_compared_on_the_cells_that_it_has(rows):
    change(rows, "plain", 0.8, 0.65)
    fail(rows, "plain")
    assert frontier.summarise(rows)["cells"]["plain"] == 1
    assert kept(rows)
    ours = (rows["method"] == "autoencoder default") & (rows["table"] == "flat")
    rows.loc[ours, "held_out_fvu"] = 0.7 * TABLES["flat"]
    assert not kept(rows)
    text = frontier.SUITE.text(rows)
    assert "- **plain: 1 of 2 fits missing**" in text
    assert "**failed**: plain, bent 2 0: TimeoutError: stopped" in text


def test_failed_fit_of_ours_misses_the_promise(rows):
    fail(rows, "autoencoder default")
    assert frontier.promises(rows)[0].found == "autoencoder default failed"
    assert kept(rows) is False
    assert "default" not in labels(rows)


def test_without_rivals_nothing_is_claimed(rows):
    assert kept(rows[~rows["method"].isin(["plain", "ridge"])]) is None


def labels(rows) -> set[str]:
    (ax,) = frontier.picture(rows).axes
    return {text.get_text() for text in ax.texts}


def test_picture_names_every_point(rows):
    change(rows, "plain", 1.6, 7.0)
    fail(rows, "ridge")
    assert labels(rows) == {
        "PCA", "max_iter=2", "default", "max_iter=100", "plain: 7",
        "ridge (1 of 2 cells)",
    }  # fmt: skip


def test_picture_draws_our_curve_in_the_order_of_seconds(rows):
    (ax,) = frontier.picture(rows.iloc[::-1]).axes
    curve = next(line for line in ax.lines if line.get_color() == frontier.OUR_COLOR)
    assert_allclose(curve.get_xydata(), [[0.2, 0.9], [0.8, 0.6], [3.2, 0.5]])


def test_readme_quotes_the_curve(rows):
    text = readme.frontier(rows)
    assert "4 cells" not in text
    assert "over 2 cells of 2 tables" in text
    assert "`max_iter=2` 0.90 in 0.2 s; the default fit 0.60 in 0.8 s;" in text
    assert "from 0.1 s on: no other method." in text
    change(rows, "plain", 0.4, 0.5)
    assert "from 0.1 s on: plain." in readme.frontier(rows)
    assert "Not measured: autoencoder max_iter=5," in text


def test_default_fit_is_on_the_curve():
    assert frontier.BUDGETS[frontier.DEFAULT] == {}
    model = frontier.METHODS["autoencoder max_iter=2"](3, 1)
    assert (model.n_components, model.random_state, model.max_iter) == (3, 1, 2)


def test_processor_seconds_are_limited():
    with pytest.raises(TimeoutError, match="stopped after"), time_limit(0.05):
        Endless(1).fit(None)
    with time_limit(60):
        pass


def test_endless_fit_gets_a_row_with_its_error(monkeypatch):
    monkeypatch.setitem(frontier.METHODS, "plain", lambda k, seed: Endless(k))
    table = linear_redundancy(n_samples=40, n_features=6, n_factors=2)
    row = frontier.measure_fit(Cell(table, 2, 0, "plain"), limit=0.05)
    assert row["error"] == "TimeoutError: stopped after 0.05 processor seconds"
    assert "held_out_fvu" not in row


@pytest.mark.usefixtures("in_this_process")
def test_command_writes_rows_report_and_picture(tmp_path):
    methods = "autoencoder max_iter=2,greedy quadratic,ridge"
    options = ["--tables", "wine", "--methods", methods, "--output", str(tmp_path)]
    command.main(["frontier", "--quick", *options])
    rows = records.read(tmp_path / "frontier_quick.csv")
    assert list(rows["method"].unique()) == ["PCA", *methods.split(",")]
    assert len(rows) == 8
    assert set(rows["threads"]) == {1}
    assert set(rows["error"]) == {""}
    assert (tmp_path / "frontier_quick.png").stat().st_size > 0
    command.main(["frontier", "--quick", "--resume", *options])
    again = records.read(tmp_path / "frontier_quick.csv")
    pd.testing.assert_frame_equal(again, rows)


def test_unknown_method_is_named(tmp_path):
    with pytest.raises(SystemExit, match=re.escape("no method ['ridges']")):
        command.main(["frontier", "--methods", "ridges", "--output", str(tmp_path)])


def test_missing_package_is_skipped_visibly(monkeypatch, capsys):
    monkeypatch.setattr(methods, "find_spec", lambda name: None)
    assert frontier.choose_methods(["UMAP", "ridge"]) == ["PCA", "ridge"]
    assert "UMAP is not installed: skipped" in capsys.readouterr().out
