"""TableEncoder for frames of Dask."""

import re

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pandas.testing import assert_frame_equal
from sklearn.pipeline import make_pipeline

import sklearn_ae
from sklearn_ae._data import summary

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")
dd = pytest.importorskip("dask.dataframe")

from sklearn_ae.dask import AutoencoderTransformer, TableEncoder


@pytest.fixture(autouse=True)
def synchronous():
    with dask.config.set(
        {"scheduler": "synchronous", "dataframe.convert-string": False}
    ):
        yield


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "length": rng.standard_normal(400),
            "count": rng.integers(0, 9, 400),
            "colour": rng.choice(["red", "green", "blue"], 400),
            "day": pd.date_range("2026-01-01", periods=400),
            "is_new": rng.random(400) < 0.5,
        }
    )


def test_frames_are_encoded_as_in_memory(frame):
    table = dd.from_pandas(frame, npartitions=3)
    model = TableEncoder().fit(table)
    reference = sklearn_ae.TableEncoder().fit(frame)
    encoded = model.transform(table)
    assert isinstance(encoded, dd.DataFrame)
    assert_array_equal(encoded.compute(), reference.transform(frame))
    assert encoded.columns.tolist() == encoded.compute().columns.tolist()
    names = model.get_feature_names_out()
    assert_array_equal(names, reference.get_feature_names_out())
    back = model.inverse_transform(encoded).compute().reset_index(drop=True)
    assert_frame_equal(back, reference.inverse_transform(reference.transform(frame)))


def test_all_categories_and_ranges_are_seen(frame, monkeypatch):
    monkeypatch.setattr(summary, "MOST_DRAWN", 50)
    frame.loc[123, "colour"] = "mauve"
    frame.loc[7, "count"] = 1000
    table = dd.from_pandas(frame, npartitions=4)
    model = TableEncoder().fit(table)
    assert "colour_mauve" in model.get_feature_names_out()
    encoded = model.transform(table)
    back = model.inverse_transform(encoded).compute().reset_index(drop=True)
    assert back["count"][7] == 1000
    assert back["colour"][123] == "mauve"
    assert back["day"].max() == frame["day"].max()
    once = TableEncoder().fit(dd.from_pandas(frame, npartitions=1))
    assert_allclose(once.transform(table).compute(), encoded.compute(), rtol=1e-12)


def test_numbers_may_be_categories(frame):
    table = dd.from_pandas(frame, npartitions=3)
    model = TableEncoder(categorical_features=["count"]).fit(table)
    assert "count_8" in model.get_feature_names_out()


def test_pipeline_on_a_frame(frame):
    table = dd.from_pandas(frame, npartitions=3)
    steps = TableEncoder(), AutoencoderTransformer(2, max_iter=2, random_state=0)
    pipeline = make_pipeline(*steps).fit(table)
    codes = pipeline.transform(table)
    assert codes.compute().shape == (400, 2)
    back = pipeline.inverse_transform(codes).compute()
    assert back.dtypes.tolist() == frame.dtypes.tolist()


def test_empty_parts(frame):
    parts = [frame[:100], frame[:0], frame[100:]]
    table = dd.from_delayed([dask.delayed(part) for part in parts], meta=frame[:0])
    model = TableEncoder().fit(table)
    expected = sklearn_ae.TableEncoder().fit_transform(frame)
    assert_array_equal(model.transform(table).compute(), expected)
    back = model.inverse_transform(model.transform(table)).compute()
    assert len(back) == 400


def test_what_is_not_of_dask_is_taken_too(frame):
    model = TableEncoder().fit(frame)
    encoded = model.transform(frame)
    assert_array_equal(encoded, sklearn_ae.TableEncoder().fit_transform(frame))
    assert_frame_equal(model.inverse_transform(encoded), frame)


def test_errors(frame):
    table = dd.from_pandas(frame, npartitions=2)
    with pytest.raises(TypeError, match="X is an array of Dask, whose columns are all"):
        TableEncoder().fit(da.ones((10, 2)))
    with pytest.raises(ValueError, match="sparse_output=True cannot be used with Dask"):
        TableEncoder(sparse_output=True).fit(table)
    with pytest.raises(ValueError, match=re.escape("there are ['length', 'count'")):
        TableEncoder(categorical_features=["size"]).fit(table)
    model = TableEncoder().fit(table)
    with pytest.raises(ValueError, match="feature names should match"):
        model.transform(table[["count", "length", "colour", "day", "is_new"]])


def test_a_far_value_does_not_change_the_scale(monkeypatch):
    monkeypatch.setattr(summary, "MOST_DRAWN", 50)
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"a": rng.standard_normal(2000), "b": rng.integers(0, 9, 2000)}
    )
    frame.loc[1234, "a"] = 1e6
    model = TableEncoder().fit(dd.from_pandas(frame, npartitions=3))
    (scaler, _) = (column.scaler for column in model._columns)
    assert 0.5 < scaler.scale_[0] < 2
    assert model._columns[0].largest == 1e6


def test_min_frequency_is_a_share(frame, monkeypatch):
    table = dd.from_pandas(frame, npartitions=3)
    local = sklearn_ae.TableEncoder(min_frequency=140).fit(frame)
    names = TableEncoder(min_frequency=140).fit(table).get_feature_names_out()
    assert_array_equal(names, local.get_feature_names_out())
    monkeypatch.setattr(summary, "MOST_DRAWN", 50)
    message = "min_frequency=140 counts rows, but of 400 rows 50 are drawn"
    with pytest.raises(ValueError, match=message):
        TableEncoder(min_frequency=140).fit(table)
    assert hasattr(TableEncoder(min_frequency=0.1).fit(table), "_columns")


def test_errors_name_the_block(frame):
    table = dd.from_pandas(frame, npartitions=2)
    model = TableEncoder(handle_unknown="error").fit(table)
    other = frame.assign(colour=["red"] * 399 + ["grey"])
    with pytest.raises(ValueError, match="Block 1 of X: Column 'colour' cannot be"):
        model.transform(dd.from_pandas(other, npartitions=2)).compute()
    parts = [frame[:200], frame[200:].rename(columns={"length": "width"})]
    table = dd.from_delayed(
        [dask.delayed(part) for part in parts], meta=frame[:0], verify_meta=False
    )
    message = re.escape("Block 1 of X, from row 200 on: it has the columns ['width'")
    with pytest.raises(ValueError, match=message):
        TableEncoder().fit(table)


def test_it_becomes_an_encoder_without_dask(frame, tmp_path):
    table = dd.from_pandas(frame, npartitions=2)
    model = TableEncoder().fit(table)
    sklearn_ae.save(model.to_local(), tmp_path / "encoder")
    loaded = sklearn_ae.load(tmp_path / "encoder")
    assert_array_equal(loaded.transform(frame), model.transform(table).compute())


def test_strings_of_dask(frame):
    with dask.config.set({"dataframe.convert-string": True}):
        table = dd.from_pandas(frame, npartitions=2)
        model = TableEncoder().fit(table)
        encoded = model.transform(table).compute()
        assert_array_equal(encoded, sklearn_ae.TableEncoder().fit_transform(frame))
        back = model.inverse_transform(model.transform(table)).compute()
        assert back["colour"].tolist() == frame["colour"].tolist()


def test_index_goes_through_a_pipeline(frame):
    frame.index = pd.Index(np.arange(0, 4000, 10), name="key")
    table = dd.from_pandas(frame, npartitions=3)
    steps = TableEncoder(), AutoencoderTransformer(2, max_iter=2, random_state=0)
    pipeline = make_pipeline(*steps).fit(table)
    codes = pipeline.transform(table)
    assert codes.divisions == table.divisions
    assert codes.compute().index.equals(frame.index)
    back = pipeline.inverse_transform(codes)
    assert back.compute().index.equals(frame.index)
    assert back.reset_index().columns.tolist() == ["key", *frame.columns]


def test_zones_of_dates_warn_of_nothing(frame):
    frame["day"] = frame["day"].dt.tz_localize("Europe/Paris")
    table = dd.from_pandas(frame, npartitions=2)
    model = TableEncoder().fit(table)
    back = model.inverse_transform(model.transform(table)).compute()
    assert back["day"].tolist() == frame["day"].tolist()
