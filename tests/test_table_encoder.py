"""Tables of mixed columns as matrices, and back."""

import pickle
import re
from datetime import date, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from pandas.testing import assert_frame_equal
from polars.testing import assert_frame_equal as assert_polars_equal
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    OneHotEncoder,
    PowerTransformer,
    QuantileTransformer,
    StandardScaler,
)
from sklearn.utils.fixes import parse_version

from sklearn_ae import AutoencoderTransformer, TableEncoder

N_ROWS = 60


def mixed(n_rows=N_ROWS, seed=0):
    """One column of each dtype."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "int": rng.integers(0, 50, n_rows),
            "uint8": rng.integers(0, 200, n_rows).astype(np.uint8),
            "float": rng.normal(size=n_rows),
            "float32": rng.normal(size=n_rows).astype(np.float32),
            "bool": rng.random(n_rows) < 0.3,
            "text": rng.choice(["a", "b", "c"], n_rows),
            "object": pd.Series(rng.choice(["u", "v"], n_rows), dtype=object),
            "category": pd.Categorical(
                rng.choice(["x", "y"], n_rows), categories=["y", "x", "z"], ordered=True
            ),
            "codes": pd.Categorical(rng.choice([3, 1], n_rows)),
            "hours": pd.date_range("2020-01-01", periods=n_rows, freq="h"),
            "zone": pd.date_range("2020", periods=n_rows, freq="D", tz="Europe/Berlin"),
            "seconds": pd.to_timedelta(rng.integers(0, 1000, n_rows), unit="s"),
            "Int64": pd.array(rng.integers(0, 9, n_rows), dtype="Int64"),
            "boolean": pd.array(rng.random(n_rows) < 0.5, dtype="boolean"),
            "string": pd.array(rng.choice(["p", "q"], n_rows), dtype="string"),
            "constant": 7,
            "one_text": "same",
        }
    )


def with_holes(frame):
    """Take away a cell of every column that can miss one, and all of two more."""
    frame = frame.copy()
    for i, name in enumerate(frame):
        if frame[name].dtype not in (np.int64, np.uint8, bool):
            frame.loc[i, name] = None
    return frame.assign(no_number=np.nan, no_text=None)


def back_and_forth(frame, **parameters):
    encoder = TableEncoder(**parameters).fit(frame)
    return encoder.inverse_transform(encoder.transform(frame))


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


def test_numbers_are_standardised_and_categories_centred_indicators():
    frame = pd.DataFrame({"number": [1.0, 2, 3, 6], "text": list("aaab")})
    found = TableEncoder().fit_transform(frame)
    number = StandardScaler().fit_transform(frame[["number"]])[:, 0]
    assert_allclose(found[:, 0], number)
    assert_allclose(found[:, 1], [0.25, 0.25, 0.25, -0.75])
    assert_allclose(found[:, 2], -found[:, 1])


def test_variance_of_a_category_is_the_probability_that_rows_differ():
    frame = mixed()[["text", "bool", "category"]]
    encoder = TableEncoder().fit(frame)
    names, found = encoder.get_feature_names_out(), encoder.transform(frame)
    for name in frame:
        of_column = [str(column).startswith(name + "_") for column in names]
        shares = frame[name].value_counts(normalize=True)
        differs = 1 - (shares**2).sum()
        assert found[:, of_column].var(axis=0).sum() == pytest.approx(differs)


def test_largest_indicator_decides():
    frame = pd.DataFrame({"text": list("aaaaab")})
    encoder = TableEncoder().fit(frame)
    rows = encoder.transform(frame.iloc[[0, 5]])
    between = np.array(
        [share * rows[0] + (1 - share) * rows[1] for share in (0.6, 0.4)]
    )
    assert encoder.inverse_transform(between)["text"].tolist() == ["a", "b"]


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


@pytest.mark.parametrize("columns", [["int"], [0], [True, False]])
def test_numbers_can_be_categories(columns):
    frame = pd.DataFrame({"int": [3, 1, 3, 7], "float": [0.0, 1, 2, 3]})
    encoder = TableEncoder(categorical_features=columns).fit(frame)
    names = encoder.get_feature_names_out().tolist()
    assert names == ["int_1", "int_3", "int_7", "float"]
    assert_frame_equal(encoder.inverse_transform(encoder.transform(frame)), frame)


@pytest.mark.parametrize(
    "transformer",
    [
        PowerTransformer(),
        QuantileTransformer(n_quantiles=40, output_distribution="normal"),
    ],
)
def test_numbers_can_be_transformed_by_others(transformer):
    frame = np.exp(mixed()[["float", "float32"]]).astype(float)
    frame.iloc[3, 0] = np.nan
    before = clone(transformer).get_params()
    encoder = TableEncoder(numeric_transformer=transformer).fit(frame)
    expected = clone(transformer).fit_transform(frame)
    assert_allclose(encoder.transform(frame), expected, rtol=1e-6, atol=1e-6)
    assert_frame_equal(encoder.inverse_transform(expected), frame, rtol=1e-3)
    assert transformer.get_params() == before
    assert not hasattr(transformer, "n_features_in_")


@pytest.mark.parametrize("weight", [{"text": 4.0}, [1.0, 4.0]])
def test_weights_are_shares_in_the_squared_errors(weight):
    frame = mixed()[["float", "text"]]
    plain = TableEncoder().fit_transform(frame)
    encoder = TableEncoder(column_weight=weight).fit(frame)
    found = encoder.transform(frame)
    assert_allclose(found, plain * [1, 2, 2, 2])
    assert_frame_equal(encoder.inverse_transform(found), frame)


def test_missing_category_can_be_a_category():
    frame = pd.DataFrame({"text": ["a", None, "b", None]})
    encoder = TableEncoder(encode_missing=True).fit(frame)
    found = encoder.transform(frame)
    assert found.shape == (4, 3)
    assert not np.isnan(found).any()
    assert encoder.inverse_transform(found)["text"].isna().tolist() == [
        False, True, False, True,
    ]  # fmt: skip


def test_rare_categories_are_a_group_that_its_most_frequent_member_stands_for():
    frame = pd.DataFrame({"text": list("aaaabbccd")})
    for limits in ({"min_frequency": 3}, {"max_categories": 2}):
        encoder = TableEncoder(**limits).fit(frame)
        assert encoder.transform(frame).shape == (9, 2)
        found = encoder.inverse_transform(encoder.transform(frame))["text"]
        assert found.tolist() == list("aaaabbbbb")


def test_many_categories_take_bounded_memory():
    frame = pd.DataFrame({"text": [f"v{i}" for i in range(2000)]})
    assert TableEncoder().fit_transform(frame).shape == (2000, 255)


def test_unknown_category_is_refused_with_the_column():
    frame, new = pd.DataFrame({"text": ["a", "b"]}), pd.DataFrame({"text": ["a", "z"]})
    with pytest.raises(ValueError, match=r"Column 'text' cannot .* unknown categories"):
        TableEncoder(handle_unknown="error").fit(frame).transform(new)


def test_unknown_category_is_ignored():
    frame, new = pd.DataFrame({"text": ["a", "b"]}), pd.DataFrame({"text": ["a", "z"]})
    encoder = TableEncoder().fit(frame)
    found = encoder.inverse_transform(encoder.transform(new))["text"]
    assert found[0] == "a"
    assert pd.isna(found[1])


def test_unknown_category_can_join_the_rare_ones():
    frame = pd.DataFrame({"text": list("aaabc")})
    new = pd.DataFrame({"text": ["z"]})
    unknown = {"handle_unknown": "infrequent_if_exist", "min_frequency": 2}
    encoder = TableEncoder(**unknown).fit(frame)
    assert encoder.inverse_transform(encoder.transform(new))["text"][0] in "bc"


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        (
            {"text": [1.0, 2.0]},
            TypeError,
            "Column 'text' .* holds numbers, but held cat",
        ),
        ({"number": ["a", "b"]}, TypeError, "Column 'number' .* holds categories, but"),
        ({"number": [np.inf, 1.0]}, ValueError, "Column 'number' .* holds infinity"),
        ({"other": [1, 2]}, ValueError, "feature names"),
    ],
)
def test_other_columns_are_refused(changed, error, message):
    frame = pd.DataFrame({"number": [1.0, 2.0], "text": ["a", "b"]})
    encoder = TableEncoder().fit(frame)
    with pytest.raises(error, match=message):
        encoder.transform(frame.assign(**changed))


def test_column_of_lists_is_refused_with_its_name():
    frame = pd.DataFrame({"lists": [[1], [2]], "mixed": [1, "a"]})
    for name in frame:
        with pytest.raises(TypeError, match=f"Column '{name}' cannot be encoded"):
            TableEncoder().fit(frame[[name]])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"categorical_features": ["none"]}, "categorical_features names the column"),
        ({"categorical_features": [9]}, "categorical_features names the column 9"),
        ({"categorical_features": [True]}, "has 1 entries, but there are 2 columns"),
        ({"categorical_features": [0, 0]}, "names a column twice"),
        ({"column_weight": [1.0, np.inf]}, "column_weight"),
        ({"column_weight": {"none": 1.0}}, "column_weight names the column 'none'"),
        ({"column_weight": [1.0]}, "must hold a number above 0 for each of 2"),
        ({"column_weight": [1.0, 0.0]}, "must hold a number above 0"),
    ],
)
def test_parameters_that_do_not_fit_the_columns_are_refused(parameters, message):
    frame = pd.DataFrame({"number": [1.0, 2.0], "text": ["a", "b"]})
    with pytest.raises(ValueError, match=re.escape(message)):
        TableEncoder(**parameters).fit(frame)


def test_numbers_that_cannot_be_told_apart_are_refused():
    frame = pd.DataFrame({"id": [2**62 + 1, 2**62 + 3]})
    with pytest.raises(ValueError, match=r"Column 'id' .* integers beyond 2\*\*53"):
        TableEncoder().fit(frame)
    found = back_and_forth(frame, categorical_features=["id"])
    assert_frame_equal(found, frame)


@pytest.mark.parametrize("empty", [pd.DataFrame(), mixed().iloc[:0]])
def test_empty_frame_is_refused(empty):
    with pytest.raises(ValueError, match="Found array with 0 sample"):
        TableEncoder().fit(empty)


def test_other_frames_are_refused_with_the_remedy():
    with pytest.raises(TypeError, match="Pass a DataFrame of pandas or polars"):
        TableEncoder().fit(SimpleNamespace(columns=["a"], shape=(2, 1)))


def test_class_of_frames_is_read_as_a_frame():
    class Special(pd.DataFrame):
        pass

    found = TableEncoder().fit_transform(Special(mixed()))
    assert_array_equal(found, TableEncoder().fit_transform(mixed()))


@pytest.mark.parametrize("name", ["text", "float", "hours", "seconds", "bool"])
def test_row_without_a_value_is_encoded(name):
    frame = mixed()
    row = pd.DataFrame([{column: None for column in frame}])
    encoder = TableEncoder().fit(frame[[name]])
    assert np.isnan(encoder.transform(row[[name]])).all()


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


def test_text_of_an_array_that_is_unknown_is_missing():
    encoder = TableEncoder().fit(np.array([["a"], ["bcd"]]))
    found = encoder.inverse_transform(encoder.transform(np.array([["bcd"], ["z"]])))
    assert found.tolist() == [["bcd"], [None]]


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


def test_missing_category_that_fit_has_not_seen_is_unknown():
    frame, new = pd.DataFrame({"text": ["a", "b"]}), pd.DataFrame({"text": [None]})
    encoder = TableEncoder(encode_missing=True, handle_unknown="error").fit(frame)
    with pytest.raises(ValueError, match="unknown categories"):
        encoder.transform(new)
    encoder.set_params(handle_unknown="ignore").fit(frame)
    assert not np.isnan(encoder.transform(new)).any()


def test_nested_parameters_are_checked():
    with pytest.raises(TypeError, match="The 'method' parameter of PowerTransformer"):
        TableEncoder(numeric_transformer=PowerTransformer(method="bad")).fit(mixed())


def test_failed_fit_leaves_no_earlier_one():
    encoder = TableEncoder().fit(mixed())
    with pytest.raises(ValueError, match="infinity"):
        encoder.fit(pd.DataFrame({"a": [np.inf, 1.0]}))
    with pytest.raises(NotFittedError):
        encoder.transform(mixed())


def test_matrix_of_another_width_is_refused():
    frame = pd.DataFrame({"number": [1.0, 2.0], "text": ["a", "b"]})
    with pytest.raises(ValueError, match="X has 2 columns, but transform gives 3"):
        TableEncoder().fit(frame).inverse_transform(np.zeros((1, 2)))


def test_output_can_be_a_frame_with_names():
    frame = mixed()[["float", "text"]]
    found = TableEncoder().set_output(transform="pandas").fit_transform(frame)
    assert found.columns.tolist() == ["float", "text_a", "text_b", "text_c"]
    assert found.index.equals(frame.index)


def test_pickle_gives_the_same():
    frame = with_holes(mixed())
    encoder = pickle.loads(pickle.dumps(TableEncoder().fit(frame)))
    assert_frame_equal(encoder.inverse_transform(encoder.transform(frame)), frame)


def test_columns_agree_with_those_of_a_column_transformer():
    frame = mixed()[["float", "int", "text", "category"]]
    other = make_column_transformer(
        (StandardScaler(), ["float", "int"]),
        (OneHotEncoder(sparse_output=False), ["text", "category"]),
    ).fit_transform(frame)
    found = TableEncoder().fit_transform(frame)
    ours = np.corrcoef(found.T) - np.corrcoef(other.T)
    assert_array_equal(found.shape, other.shape)
    assert_allclose(ours, 0, atol=1e-12)


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
