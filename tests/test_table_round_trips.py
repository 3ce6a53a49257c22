"""Tables of mixed columns come back from the matrices that they become."""

import pickle
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from pandas.testing import assert_frame_equal
from polars.testing import assert_frame_equal as assert_polars_equal
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.utils.fixes import parse_version

from sklearn_ae import AutoencoderTransformer, TableEncoder
from tests.mixed_tables import back_and_forth, mixed, with_holes


def test_pandas_frame_comes_back_as_it_was():
    assert_frame_equal(back_and_forth(mixed()), mixed())


def test_missing_cells_stay_missing():
    frame = with_holes(mixed())
    assert_frame_equal(back_and_forth(frame), frame)


def test_polars_frame_comes_back_as_it_was():
    frame = pl.DataFrame(
        {
            "int": [1, 2, None, 4],
            "float": [1.5, None, 2.5, 3.0],
            "bool": [True, False, None, True],
            "text": ["a", None, "b", "a"],
            "category": pl.Series(["x", "y", "x", None], dtype=pl.Categorical),
            "enum": pl.Series(["x", "y", "x", None], dtype=pl.Enum(["x", "y", "z"])),
            "date": pl.Series([1, 2, 3, None]).cast(pl.Date),
            "zone": pl.Series([10**15, None, 3 * 10**15 + 1, 5]).cast(
                pl.Datetime("us", "Europe/Berlin")
            ),
            "duration": pl.Series([1, None, 3, 7]).cast(pl.Duration("ms")),
            "time": pl.Series([1000, 2000, 2000, None]).cast(pl.Time),
            "float32": pl.Series([1.0, 2.0, 3.0, 4.0], dtype=pl.Float32),
            "no_number": pl.Series([None] * 4, dtype=pl.Int64),
            "nothing": [None] * 4,
        }
    )
    assert_polars_equal(back_and_forth(frame), frame)


def test_array_of_objects_comes_back_as_it_was():
    X = np.array(
        [[1, "a", 2.5, True], [2, "b", 0.5, False], [4, None, 1.0, True]], dtype=object
    )
    found = back_and_forth(X)
    assert found.tolist() == X.tolist()
    assert [type(value) for value in found[0]] == [int, str, float, bool]


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.uint8])
def test_array_of_numbers_comes_back_as_it_was(dtype):
    X = (10 * np.random.default_rng(0).random((20, 3))).astype(dtype)
    found = back_and_forth(X)
    assert found.dtype == dtype
    assert_allclose(found, X, rtol=1e-6)


@pytest.mark.parametrize("whole", [True, False])
def test_frame_comes_back_from_as_many_codes_as_columns(whole):
    frame = mixed()
    encoder = TableEncoder().fit(frame)
    width = len(encoder.get_feature_names_out())
    model = PCA(width) if whole else AutoencoderTransformer(width, random_state=0)
    pipeline = make_pipeline(TableEncoder(), model)
    found = pipeline.inverse_transform(pipeline.fit_transform(frame))
    assert_frame_equal(found, frame, rtol=1e-4, atol=1e-4)


CELLS = {
    "int64": st.integers(-(2**40), 2**40),
    "float64": st.floats(-1e9, 1e9),
    "bool": st.booleans(),
    "object": st.text(max_size=3),
    "category": st.sampled_from(["one", "two", "three"]),
    # Times are exact to fifteen digits of their range.
    "datetime64[us]": st.datetimes(datetime(2000, 1, 1), datetime(2030, 1, 1)),
    "timedelta64[us]": st.timedeltas(timedelta(-1000), timedelta(1000)),
}


@st.composite
def frames(draw):
    n_rows = draw(st.integers(2, 12))
    dtypes = draw(st.lists(st.sampled_from(sorted(CELLS)), min_size=1, max_size=5))
    columns = {"spread": np.arange(n_rows)}
    for i, dtype in enumerate(dtypes):
        cells = draw(st.lists(CELLS[dtype], min_size=n_rows, max_size=n_rows))
        columns[f"{i}_{dtype}"] = pd.Series(cells, dtype=dtype)
    return pd.DataFrame(columns)


@given(frames())
@settings(deadline=None, max_examples=60)
def test_random_frames_come_back(frame):
    found = back_and_forth(frame)
    assert_frame_equal(found, frame, check_exact=False, rtol=1e-9, atol=1e-6)


@given(frames())
@settings(deadline=None, max_examples=30)
def test_random_frames_come_back_from_all_components(frame):
    encoded = TableEncoder().fit_transform(frame)
    pipeline = make_pipeline(TableEncoder(), PCA(min(encoded.shape)))
    found = pipeline.inverse_transform(pipeline.fit_transform(frame))
    assert (found.dtypes == frame.dtypes).all()
    for name in frame.select_dtypes(["object", "bool", "category"]):
        assert found[name].equals(frame[name])
    for name in frame.select_dtypes("datetime"):
        assert (found[name] - frame[name]).abs().max() < timedelta(seconds=1)


def test_integers_stay_in_range_and_are_rounded():
    frame = pd.DataFrame({"n": [0, 1, 4]})
    codes = TableEncoder().fit_transform(frame)
    far = np.vstack([codes[1] + 0.1, 9 * codes[0], 9 * codes[2]])
    assert TableEncoder().fit(frame).inverse_transform(far)["n"].tolist() == [1, 0, 4]
    free = TableEncoder(restore_dtypes=False).fit(frame).inverse_transform(far)["n"]
    assert free.dtype == np.float64
    assert free[1] < 0
    assert free[2] > 4
    assert free[0] != 1


def test_categories_come_back_without_restored_dtypes():
    frame = mixed()
    found = back_and_forth(frame, restore_dtypes=False)
    assert found["text"].equals(frame["text"])
    assert found["bool"].equals(frame["bool"])
    assert found["int"].dtype == np.float64


def test_numbers_that_cannot_be_told_apart_are_refused():
    frame = pd.DataFrame({"id": [2**62 + 1, 2**62 + 3]})
    with pytest.raises(ValueError, match=r"Column 'id' .* integers beyond 2\*\*53"):
        TableEncoder().fit(frame)
    found = back_and_forth(frame, categorical_features=["id"])
    assert_frame_equal(found, frame)


@pytest.mark.skipif(
    parse_version(np.__version__) < parse_version("2.0"), reason="pyarrow needs NumPy 2"
)
def test_arrow_columns_come_back_as_they_were():
    frame = mixed()[["int", "float", "text", "hours", "zone", "seconds", "bool"]]
    frame = frame.convert_dtypes(dtype_backend="pyarrow")
    assert all(isinstance(dtype, pd.ArrowDtype) for dtype in frame.dtypes)
    assert_frame_equal(back_and_forth(frame), frame)


def test_objects_are_what_all_of_them_are():
    frame = pd.DataFrame(
        {
            "number": [1.5, None, 2.5, 4.0],
            "int": [1, 2, 7, 4],
            "day": [date(2020, 1, 1), date(2020, 3, 1), None, date(2021, 1, 1)],
            "time": [datetime(2020, 1, 1, 5), datetime(2020, 3, 1), None, None],
            "text": ["a", None, "b", "a"],
        },
        dtype=object,
    )
    encoder = TableEncoder().fit(frame)
    names = ["number", "int", "day", "time", "text_a", "text_b"]
    assert encoder.get_feature_names_out().tolist() == names
    found = encoder.inverse_transform(encoder.transform(frame))
    assert found.to_numpy().tolist() == frame.to_numpy().tolist()


@pytest.mark.parametrize("name", ["hours", "zone", "seconds"])
def test_dates_can_be_categories(name):
    frame = mixed()[[name]].iloc[[0, 1, 0]].reset_index(drop=True)
    encoder = TableEncoder(categorical_features=[name]).fit(frame)
    assert encoder.transform(frame).shape == (3, 2)
    assert_frame_equal(encoder.inverse_transform(encoder.transform(frame)), frame)


@pytest.mark.parametrize("unit", ["s", "us", "ns"])
def test_days_are_counted_in_any_unit(unit):
    days = pd.date_range("1990", periods=4000, freq="D").astype(f"datetime64[{unit}]")
    frame = pd.DataFrame({"day": days[::13]})
    encoder = TableEncoder().fit(frame)
    rounded = encoder.transform(frame).astype(np.float32).astype(float)
    assert_frame_equal(encoder.inverse_transform(rounded), frame)


def test_dates_that_are_centuries_apart_stay_in_order():
    dates = pd.Series(["1700-01-01", "1900-01-01", "2020-01-01", "2262-01-01"])
    frame = pd.DataFrame({"date": dates.astype("datetime64[ns]")})
    encoder = TableEncoder().fit(frame)
    assert (np.diff(encoder.transform(frame)[:, 0]) > 0).all()
    found = encoder.inverse_transform(encoder.transform(frame))
    assert (found - frame)["date"].abs().max() < timedelta(seconds=1)


def test_pickle_gives_the_same():
    frame = with_holes(mixed())
    encoder = pickle.loads(pickle.dumps(TableEncoder().fit(frame)))
    assert_frame_equal(encoder.inverse_transform(encoder.transform(frame)), frame)


def test_missing_cells_are_completed_by_the_codes():
    rng = np.random.default_rng(0)
    hidden = rng.integers(0, 3, 300)
    frame = pd.DataFrame(
        {
            "text": np.array(["a", "b", "c"], dtype=object)[hidden],
            "again": np.array(["x", "y", "z"], dtype=object)[hidden],
            "number": hidden + 0.1 * rng.normal(size=300),
        }
    )
    holes = frame.copy()
    holes.loc[::7, "again"] = None
    model = make_pipeline(TableEncoder(), AutoencoderTransformer(2, random_state=0))
    found = model.inverse_transform(model.fit_transform(holes))
    assert (found["again"] == frame["again"])[::7].mean() > 0.95
