"""The benchmark of synthetic tables, at a small size."""

from argparse import Namespace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.decomposition import PCA

from benchmarks import __main__ as command
from benchmarks import floor, records
from benchmarks.measuring import split_table
from benchmarks.synthetic import COLUMNS, KINDS, Design, designs


class Worse:
    """PCA, with an error added of so many times the distance from the mean."""

    def __init__(self, pca, times):
        self.pca, self.times = pca, times

    def transform(self, X):
        return X

    def inverse_transform(self, X):
        restored = self.pca.inverse_transform(self.pca.transform(X))
        return X + self.times * (restored - X)


@pytest.fixture
def rows() -> pd.DataFrame:
    lines = []
    for kind in ("walks", "counts"):
        for design in designs([kind]):
            line = {"kind": kind, "table": design.name, "n_components": 1}
            figures = dict.fromkeys(floor.RATIOS, 1.0)
            sizes = {"rows": design.n_rows, "columns": design.n_columns}
            lines.append({**line, **sizes, **figures, "train_excess": -0.1})
    common = {**records.circumstances(), "error": "", "cpu_seconds": 0.5}
    return pd.DataFrame(lines).assign(**common, method="autoencoder", pca_fvu=0.5)


def kept(rows: pd.DataFrame) -> list[bool | None]:
    return [promise.kept for promise in floor.promises(rows)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_columns", COLUMNS)
def test_tables_are_finite_and_have_their_shape(kind, n_columns):
    X = Design(kind, 30, n_columns, 1).table().X
    assert X.shape == (30, n_columns)
    assert np.isfinite(X).all()
    assert X.std() > 0


def test_tables_do_not_depend_on_what_was_drawn_before():
    first, second = (Design("clusters", 20, 3, 1).table().X for _ in range(2))
    assert_array_equal(first, second)
    assert not np.array_equal(first, Design("counts", 20, 3, 1).table().X)


def test_designs_cross_rows_columns_and_codes():
    planned = list(designs(None))
    assert len(planned) == len({design.name for design in planned}) == 500
    assert all(design.n_components < design.n_columns for design in planned)
    sizes = pd.Series([design.n_components for design in planned])
    assert sizes.value_counts().min() > 100
    assert max(d.n_rows for d in planned if d.kind.startswith("few")) == 200


def test_kinds_can_be_chosen():
    assert {design.kind for design in designs(["walks"])} == {"walks"}
    assert [design.kind for design in designs(None, quick=True)] == list(KINDS)
    options = Namespace(kinds=["walk"], quick=False)
    with pytest.raises(ValueError, match=r"no kind \['walk'\]"):
        floor.measure(options, pd.DataFrame())


def test_tables_that_are_there_are_not_measured_again():
    options = Namespace(kinds=["walks"], quick=True)
    done = pd.DataFrame({"table": ["walks 200x10"]})
    assert list(floor.measure(options, done)) == []


def test_errors_are_divided_by_those_of_pca():
    split = split_table(Design("low-rank", 60, 10, 2).table(), 0, floor.HELD_OUT)
    assert len(split.X) == 40
    pca = PCA(2).fit(split.X)
    found = floor.error_ratios(Worse(pca, 2), pca, split)
    assert found.pop("train_excess") == pytest.approx(3)
    assert set(found) == set(floor.RATIOS)
    assert_allclose(list(found.values()), 4)


def test_a_table_gives_a_row():
    row = floor.measure_design(Design("few-rows-curved", 30, 3, 1))
    assert set(row) == set(floor.SUITE.columns)
    assert row["train_excess"] <= floor.TRAIN_EXCESS
    assert 0 < row["held_out_ratio"] < 2


def test_tables_of_which_pca_leaves_nothing_are_named(rows, monkeypatch):
    monkeypatch.setattr(floor, "NOTHING", 1.0)
    row = floor.measure_design(Design("categories", 60, 3, 2))
    assert "held_out_ratio" not in row
    both = pd.concat([rows, pd.DataFrame([{**rows.iloc[0], **row}])])
    both.loc[both["kind"] == "categories", "held_out_ratio"] = np.nan
    assert kept(both) == [True] * 6
    assert "PCA leaves nothing: categories 60x3" in floor.SUITE.text(both)


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        ("held_out_ratio", [1.03] * 5, [True] * 6),
        ("held_out_ratio", [1.03] * 6, [False] + [True] * 5),
        ("held_out_ratio", [1.11], [True, False] + [True] * 4),
        ("ratio_at_2", [1.6], [True] * 2 + [False] + [True] * 3),
        ("ratio_at_10", [1.6], [True] * 4 + [False, True]),
        ("train_excess", [2e-6], [True] * 5 + [False]),
    ],
)
def test_promises_are_about_every_table(rows, column, values, expected):
    rows.loc[rows.index[: len(values)], column] = values
    assert kept(rows) == expected
    missed = [p.found for p in floor.promises(rows)[1:] if not p.kept]
    assert all("(walks 20x3)" in found for found in missed)


def test_failed_fit_misses_the_promises(rows):
    rows.loc[0, ["error", *floor.RATIOS, "train_excess"]] = ["no luck"] + [np.nan] * 8
    assert kept(rows) == [True] + [False] * 5


def test_report_sums_up_by_kind(rows):
    rows.loc[0, "held_out_ratio"] = 1.05
    rows.loc[1, ["held_out_ratio", "ratio_at_10"]] = [0.5, 3.0]
    table = floor.by_kind(floor.compared(rows))
    walks = table.loc["walks"]
    assert list(table.index) == ["walks", "counts", "all kinds"]
    assert walks["tables"] == 20
    assert walks["worst"] == 1.05
    assert walks["above 1.02"] == 1
    assert walks["equal PCA"] == 18
    assert_allclose(walks["geometric mean"], (1.05 * 0.5) ** (1 / 20))
    far = floor.stretched(floor.compared(rows))["worst table"]
    assert far["sum of errors", 10] == "walks 20x10"
    assert "- walks 20x3 k=1: 1.050; PCA's FVU 0.500" in floor.SUITE.text(rows)


def test_command_measures_a_kind(tmp_path):
    options = ["floor", "--quick", "--kinds", "independent", "--output", str(tmp_path)]
    assert command.main(options) == 0
    assert len(records.read(tmp_path / "floor_quick.csv")) == 1


def test_what_only_steps_come_nearer_to_stays_pca():
    """On these, what steps alone would confirm is above PCA on other rows."""
    planned = [
        Design("student-1.5", 60, 3, 1),
        Design("mixed-student-3", 200, 30, 2),
    ]
    rows = floor.measure_designs(planned)
    assert max(row["held_out_ratio"] for row in rows) <= floor.SLIGHT
