"""Rows that are not in memory are read by slices, checked, and drawn from."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array

from sklearn_ae._data import StoredRows, stored_or_given, summary_of
from sklearn_ae._data import stored as _stored
from sklearn_ae._data import table as _table
from sklearn_ae._data.stored import is_stored


class Stored:
    """Rows behind slices alone, which notes what was read."""

    def __init__(self, X):
        self.X, self.shape, self.dtype = X, X.shape, X.dtype
        self.reads = []

    def __getitem__(self, rows):
        assert isinstance(rows, slice)
        assert rows.step is None
        self.reads.append((rows.start, rows.stop))
        return self.X[rows]


@pytest.fixture
def X():
    return np.random.default_rng(0).standard_normal((50, 4))


@pytest.fixture
def small_reads(monkeypatch):
    """Read seven rows of four columns at a time; every table is large."""
    monkeypatch.setattr(_stored, "VALUES_PER_READ", 30)
    monkeypatch.setattr(_table, "LARGEST_COPY", 0)


def test_what_has_shape_dtype_and_slices_is_stored(X):
    assert is_stored(Stored(X))
    assert is_stored(Stored(X.astype(np.float32)))
    assert is_stored(Stored(X > 0))
    assert is_stored(Stored(X.astype(np.int16)))


@pytest.mark.parametrize(
    "build",
    [
        np.asarray,
        csr_array,
        lambda X: X.tolist(),
        lambda X: Stored(X[0]),
        lambda X: Stored(X[None]),
        lambda X: Stored(X.astype(str)),
        lambda X: Stored(X.astype(complex)),
        lambda X: Stored(X.astype(object)),
        lambda X: SimpleNamespace(shape=X.shape, dtype=X.dtype),
        lambda X: SimpleNamespace(shape=X.shape, dtype="unknown"),
    ],
)
def test_other_input_is_left_to_scikit_learn(X, build, small_reads):
    given = build(X)
    assert not is_stored(given)
    assert stored_or_given(given) is given


def test_tables_with_columns_are_not_stored(X, small_reads):
    table = Stored(X)
    table.columns = list("abcd")
    assert not is_stored(table)


def test_only_large_maps_of_files_are_stored(X, tmp_path, monkeypatch):
    mapped = np.memmap(tmp_path / "X", X.dtype, "w+", shape=X.shape)
    mapped[:] = X
    assert not is_stored(mapped)
    monkeypatch.setattr(_table, "LARGEST_COPY", X.size)
    assert not is_stored(mapped)
    monkeypatch.setattr(_table, "LARGEST_COPY", X.size - 1)
    assert is_stored(mapped)
    assert not is_stored(mapped[:, 0])
    assert not is_stored(np.array(mapped))


def test_few_rows_are_read_as_a_whole(X):
    stored = Stored(X)
    found = stored_or_given(stored)
    assert isinstance(found, np.ndarray)
    assert_array_equal(found, X)
    assert stored.reads == [(0, 50)]


def test_many_rows_are_read_in_slices(X, small_reads):
    stored = Stored(X)
    rows = stored_or_given(stored)
    assert isinstance(rows, StoredRows)
    assert stored.reads == []
    assert (len(rows), rows.shape) == (50, (50, 4))
    assert_array_equal(rows[:], X)
    assert_array_equal(rows[13:13], X[13:13])
    assert_array_equal(rows[48:60], X[48:60])


def test_neighbouring_slices_are_read_at_once(X, small_reads):
    stored = Stored(X)
    rows = StoredRows(stored)
    for first in range(0, 50, 2):
        assert_array_equal(rows[first : first + 2], X[first : first + 2])
    # Seven rows hold three slices of two.
    assert stored.reads == [(i, min(i + 7, 50)) for i in range(0, 50, 6)]


def test_slice_that_is_longer_than_a_read_is_read_at_once(X, small_reads):
    stored = Stored(X)
    assert_array_equal(StoredRows(stored)[10:40], X[10:40])
    assert stored.reads == [(10, 40)]


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        (np.float32, np.float32),
        (np.float64, np.float64),
        (">f8", np.float64),
        (np.float16, np.float64),
        (np.int8, np.float64),
        (np.uint64, np.float64),
        (bool, np.float64),
    ],
)
def test_rows_are_float64_unless_they_are_float32(X, dtype, expected):
    given = (10 * np.abs(X)).astype(dtype)
    rows = StoredRows(Stored(given))
    assert rows.dtype == expected
    assert rows[3:9].dtype == expected
    assert rows[3:9].dtype.isnative
    assert_array_equal(rows[3:9], given[3:9].astype(expected))


def test_lists_of_rows_are_refused(X):
    message = "rows that are not in memory are read by slices alone"
    with pytest.raises(TypeError, match=re.escape(message)):
        StoredRows(Stored(X))[np.array([3, 4])]


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinite_cells_are_refused_with_the_first_row(X, value, small_reads):
    X[[30, 32], 2] = value
    rows = StoredRows(Stored(X))
    rows[:7]
    message = re.escape("X contains infinity") + r"(?s:.)* Row 30 has the first of them"
    with pytest.raises(ValueError, match=message):
        rows[28:35]


def test_rows_without_any_value_are_named(X, small_reads):
    X[:, 1], X[[30, 32]] = np.nan, np.nan
    rows = StoredRows(Stored(X))
    assert_array_equal(rows[:7], X[:7])
    message = "X has 2 rows in which every value is missing (rows 30, 32)"
    with pytest.raises(ValueError, match=re.escape(message)):
        rows[28:35]


@pytest.mark.parametrize(
    ("wrong", "shape"),
    [
        (lambda block: block[:-1], (6, 4)),
        (lambda block: block[:, :3], (7, 3)),
        (lambda block: block[:, 0], (7,)),
    ],
    ids=["rows", "columns", "dimensions"],
)
def test_blocks_of_another_shape_are_refused(X, wrong, shape, small_reads):
    class Wrong(Stored):
        def __getitem__(self, rows):
            return wrong(super().__getitem__(rows))

    message = (
        f"rows 14 to 20 of X were read as an array of shape {shape}, but (7, 4) was "
        "expected, as X.shape is (50, 4)."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        StoredRows(Wrong(X))[14:21]


@pytest.mark.parametrize("values", [4, 30, 10**6])
@pytest.mark.parametrize("most", [10, 100])
def test_summary_does_not_depend_on_the_size_of_reads(X, values, most, monkeypatch):
    weight = np.random.default_rng(1).uniform(0.5, 2, 50)
    expected = summary_of(X, weight, 3, most=most)
    monkeypatch.setattr(_stored, "VALUES_PER_READ", values)
    stored = Stored(X)
    found = summary_of(StoredRows(stored), weight, 3, most=most)
    size = max(values // 4, 1)
    assert stored.reads == [(i, min(i + size, 50)) for i in range(0, 50, size)]
    for name in found.drawn.__match_args__:
        assert_array_equal(getattr(found.drawn, name), getattr(expected.drawn, name))
    assert found.n_rows == 50
    assert_allclose(found.moments.mean, expected.moments.mean, atol=1e-12)
    assert_allclose(found.moments.products, expected.moments.products, atol=1e-12)


@pytest.mark.parametrize("n_counted", [100, 3000])
def test_enough_rows_are_drawn_where_most_do_not_count(n_counted):
    X, weight = np.arange(20_000.0)[:, None], np.zeros(20_000)
    weight[np.random.default_rng(0).choice(20_000, n_counted, False)] = 1
    drawn = summary_of(X, weight, 0, most=1000).drawn
    assert len(drawn) == min(n_counted, 1000)
    assert (weight[drawn.numbers] == 1).all()


def test_summary_numbers_rows_from_the_first_on(X):
    weight = np.ones(50)
    numbers = summary_of(X, weight, 0, first=1000, most=5).drawn.numbers
    assert ((numbers >= 1000) & (numbers < 1050)).all()
