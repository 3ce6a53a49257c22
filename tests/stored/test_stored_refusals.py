"""Rows that are not in memory: what is refused."""

import re

import numpy as np
import pytest
from sklearn.model_selection import KFold

from sklearn_ae._data import table as _table
from tests.stores import METHODS, Stored, memmap


@pytest.mark.parametrize("method", METHODS)
def test_infinite_cells_of_a_large_table_are_refused_with_the_first_row(
    quick, curved, large, method
):
    model, X = quick().fit(curved), curved.copy()
    X[70, 3] = np.inf
    X[80, 1] = np.inf
    message = re.escape("X contains infinity") + r"(?s:.)*Row 70 has the first of them"
    with pytest.raises(ValueError, match=message):
        getattr(model, method)(Stored(X))


@pytest.mark.parametrize("method", METHODS)
def test_infinite_cells_of_a_small_table_are_refused(quick, curved, method):
    model, X = quick().fit(curved), curved.copy()
    X[70, 3] = np.inf
    with pytest.raises(ValueError, match=re.escape("contains infinity")):
        getattr(model, method)(Stored(X))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("limit", [0, 2**23])
def test_rows_without_any_value_are_named(
    quick, curved, large, monkeypatch, method, limit
):
    monkeypatch.setattr(_table, "LARGEST_COPY", limit)
    model, X = quick().fit(curved), curved.copy()
    X[70] = np.nan
    message = "X has 1 rows in which every value is missing (rows 70)"
    with pytest.raises(ValueError, match=re.escape(message)):
        getattr(model, method)(Stored(X))


@pytest.mark.parametrize("method", METHODS[1:])
@pytest.mark.parametrize("limit", [0, 2**23])
def test_another_number_of_columns_is_refused(
    quick, curved, large, monkeypatch, method, limit
):
    monkeypatch.setattr(_table, "LARGEST_COPY", limit)
    model = quick().fit(curved)
    message = (
        "X has 5 features, but AutoencoderTransformer is expecting 12 features as input"
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        getattr(model, method)(Stored(curved[:, :5]))


@pytest.mark.parametrize("method", METHODS)
def test_source_that_returns_other_rows_than_asked_for_is_refused(
    quick, curved, large, method
):
    class Short(Stored):
        def __getitem__(self, rows):
            return super().__getitem__(rows)[:-1]

    model = quick().fit(curved)
    message = (
        "rows 0 to 31 of X were read as an array of shape (31, 12), but (32, 12) was "
        "expected, as X.shape is (240, 12)."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        getattr(model, method)(Short(curved))


def test_source_of_other_dimensions_is_left_to_scikit_learn(quick, curved, tmp_path):
    with pytest.raises(ValueError, match=re.escape("Expected 2D array, got 1D array")):
        quick().fit(memmap(curved[:, 0], tmp_path))


@pytest.mark.parametrize("shape", [(239, 2), (240, 3), (480,)])
def test_wrong_shape_of_where_codes_are_written_is_refused(quick, curved, shape):
    model = quick().fit(curved)
    message = f"out has shape={shape}, but the codes of X have (240, 2)."
    with pytest.raises(ValueError, match=re.escape(message)):
        model.transform(curved, out=np.empty(shape))


@pytest.mark.parametrize("cv", [KFold(3), [(np.arange(120), np.arange(120, 240))]])
def test_folds_that_name_rows_of_a_large_table_are_refused(quick, curved, large, cv):
    message = (
        " names rows, but of 240 rows a fit trains on 100, drawn at random, "
        "where not all are kept. Set cv='auto' or a number of folds."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        quick(cv=cv).fit(Stored(curved))
    model = quick(cv=cv)
    with pytest.raises(ValueError, match=re.escape(str(cv)[:80])):
        model.fit(Stored(curved))


def test_weights_have_to_be_as_many_as_rows(quick, curved, large):
    message = "sample_weight.shape == (239,), expected (240,)"
    model = quick().fit(curved)
    for method in (model.fit, model.score):
        with pytest.raises(ValueError, match=re.escape(message)):
            method(Stored(curved), sample_weight=np.ones(239))
        with pytest.raises(ValueError, match=re.escape("Negative values in data")):
            method(Stored(curved), sample_weight=np.full(240, -1.0))


def test_too_few_rows_that_count_are_refused(quick, curved, large):
    weight = np.eye(240)[7]
    with pytest.raises(ValueError, match=re.escape("minimum of 2 is required")):
        quick(1).fit(Stored(curved), sample_weight=weight)


def test_integers_do_not_take_codes(quick, curved):
    model = quick().fit(curved)
    message = "out has dtype=int64, but the codes of X have float64."
    with pytest.raises(ValueError, match=re.escape(message)):
        model.transform(curved, out=np.empty((len(curved), 2), int))
    with pytest.raises(ValueError, match=re.escape("out has shape=None")):
        model.transform(curved, out=[])


def test_small_tables_are_checked_and_cast(quick, curved):
    class Short(Stored):
        def __getitem__(self, rows):
            return super().__getitem__(rows)[:-1]

    with pytest.raises(ValueError, match=re.escape("rows 0 to 239 of X were read as")):
        quick().fit(Short(curved))

    class Lists(Stored):
        def __getitem__(self, rows):
            return super().__getitem__(rows).tolist()

    single = curved.astype(np.float32)
    codes = quick().fit(Lists(single)).transform(Lists(single))
    assert codes.dtype == np.float32
