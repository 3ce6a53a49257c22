"""Encoders of tables come back from files: dtypes, categories, libraries of frames."""

import builtins
import re
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from pandas.testing import assert_frame_equal
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PowerTransformer, QuantileTransformer, StandardScaler
from sklearn.utils.fixes import parse_version

import sklearn_ae
from sklearn_ae import AutoencoderImputer, AutoencoderTransformer, TableEncoder

rng = np.random.default_rng
ON_OLD_NUMPY = parse_version(np.__version__) < parse_version("2.0")


def assert_same_table(found, table):
    """Compare frames or arrays: values, their types, dtypes, names."""
    assert type(found) is type(table)
    if isinstance(table, pd.DataFrame):
        assert_frame_equal(found, table, check_exact=True, check_column_type="exact")
        pairs = [(found.iloc[:, i], table.iloc[:, i]) for i in range(table.shape[1])]
    elif isinstance(table, pl.DataFrame):
        assert found.schema == table.schema
        pairs = zip(found, table, strict=True)
    else:
        assert found.dtype == table.dtype
        pairs = zip(found.T, table.T, strict=True)
    for column, other in pairs:
        values, others = list(column), list(other)
        assert [*map(type, values)] == [*map(type, others)]
        assert [*map(repr, values)] == [*map(repr, others)]


def assert_same_encoder(encoder, other, table):
    encoded = encoder.transform(table)
    assert_array_equal(other.transform(table), encoded)
    found = other.inverse_transform(encoded)
    assert_same_table(found, encoder.inverse_transform(encoded))
    names = encoder.get_feature_names_out()
    assert_array_equal(other.get_feature_names_out(), names)
    assert repr(other.get_params()) == repr(encoder.get_params())
    assert_array_equal(clone(other).fit(table).transform(table), encoded)


# One column each; values repeat, so that there are categories.
OF_PANDAS = {
    "int": [3, 1, 7, 7],
    "bool": [True, False, True, True],
    "float with nan": [1.5, np.nan, -2.0, 0.1],
    "text": ["a", None, "b", "a"],
    "empty": [None] * 4,
    "uint8": np.array([3, 1, 200, 7], np.uint8),
    "float32": np.array([3.1, 1, 200, 7], np.float32),
    "days": pd.date_range("1990", periods=4),
    "milliseconds": pd.date_range("1990", periods=4).astype("datetime64[ms]"),
    "Berlin": pd.date_range("2020-10-24", periods=4, freq="h", tz="Europe/Berlin"),
    "UTC": pd.date_range("2020", periods=4, tz="UTC"),
    "two hours": pd.date_range("2020", periods=4, tz="+02:00"),
    "durations": pd.to_timedelta([1, 2, None, 5], unit="s"),
    "Int16": pd.array([1, 2, None, 2], dtype="Int16"),
    "Float32": pd.array([1, 2, None, 2.5], dtype="Float32"),
    "boolean": pd.array([True, None, False, True], dtype="boolean"),
    "string": pd.array(["a", None, "b", "a"], dtype="string"),
    "periods": pd.period_range("2020", periods=4, freq="M"),
    "intervals": pd.cut(np.array([1.0, 2.0, 3.0, 9.0]), 2),
    "sparse": pd.arrays.SparseArray([0, 1, 0, 0]),
    "ordered": pd.Categorical(list("xyxx"), ["y", "z", "x"], ordered=True),
    "of int8": pd.Categorical(np.array([1, 5, 1, 1], np.int8)),
    "of floats": pd.Categorical([1.5, np.inf, 1.5, 1.5]),
    "of bools": pd.Categorical([True, False, True, None]),
    "of days": pd.Categorical(pd.to_datetime(["2020-01-01", "2021-01-01"] * 2)),
    "of zones": pd.Categorical([pd.Timestamp("2020-01-01", tz="Asia/Tokyo")] * 4),
    "of durations": pd.Categorical(pd.to_timedelta([1, 2, 1, 2], unit="s")),
}
OF_OBJECTS = {
    "mixed numbers": [True, 2, 2.5, None],
    "numbers of numpy": [np.int8(1), np.float32(2.5), np.int8(3), np.int8(1)],
    "text of numpy": [np.str_("a"), np.str_("\U0001f600"), np.str_(""), np.str_("a")],
    "bytes": [b"a", b"\xff", b"a", None],
    "decimals": [Decimal("1.50"), Decimal("-Infinity"), Decimal("1.50"), None],
    "dates": [date(2020, 1, 1), date(2021, 2, 3), None, date(2020, 1, 1)],
    "times": [time(1), time(2, 3, 4, 5), time(1), None],
    "datetimes": [datetime(2020, 1, 1), None, datetime(2020, 1, 1, 5), None],
    "zones": [
        datetime(2020, 1, 1, tzinfo=UTC),
        datetime(2020, 1, 1, tzinfo=timezone(timedelta(hours=-3))),
        datetime(2020, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=1),
        datetime(2020, 1, 1, tzinfo=UTC),
    ],
    "Timestamps": [
        pd.Timestamp("2020-06-01 00:00:00.123456789", tz="Europe/Berlin"),
        pd.Timestamp("2020-06-01", tz="UTC"),
        None,
        pd.Timestamp("2020-06-01", tz="UTC"),
    ],
    "durations of numpy": [np.timedelta64(1, "D"), np.timedelta64(2, "s"), None, None],
}


@pytest.mark.parametrize("name", OF_PANDAS)
def test_dtype_of_pandas_is_kept(round_trip, name):
    frame = pd.DataFrame({"column": OF_PANDAS[name], "other": [1, 2, 3, 5]})
    encoder = TableEncoder().fit(frame)
    assert_same_encoder(encoder, round_trip(encoder), frame)


@pytest.mark.parametrize("name", OF_OBJECTS)
def test_objects_are_kept(round_trip, name):
    frame = pd.DataFrame({"column": pd.Series(OF_OBJECTS[name], dtype=object)})
    for table in (frame, frame.to_numpy()):
        encoder = TableEncoder().fit(table)
        assert_same_encoder(encoder, round_trip(encoder), table)


@pytest.mark.skipif(ON_OLD_NUMPY, reason="pyarrow needs NumPy 2")
@pytest.mark.parametrize(
    "name", ["int", "bool", "text", "float32", "days", "Berlin", "durations"]
)
def test_dtype_of_arrow_is_kept(round_trip, name):
    frame = pd.DataFrame({"column": OF_PANDAS[name]})
    frame = frame.convert_dtypes(dtype_backend="pyarrow")
    assert isinstance(frame.dtypes.iloc[0], pd.ArrowDtype)
    encoder = TableEncoder().fit(frame)
    assert_same_encoder(encoder, round_trip(encoder), frame)


OF_POLARS = {
    "int": pl.Series([1, 2, None, 4]),
    "uint8": pl.Series([1, 2, 3, 4], dtype=pl.UInt8),
    "float32": pl.Series([1.5, 2.0, None, 4.0], dtype=pl.Float32),
    "bool": pl.Series([True, False, None, True]),
    "text": pl.Series(["a", None, "b", "a"]),
    "binary": pl.Series([b"a", None, b"b", b"a"]),
    "category": pl.Series(["x", "y", "x", None], dtype=pl.Categorical),
    "enum": pl.Series(["x", "y", "x", None], dtype=pl.Enum(["x", "z", "y"])),
    "date": pl.Series([1, 2, 3, None]).cast(pl.Date),
    "naive": pl.Series([1, 2, 3, None]).cast(pl.Datetime("ms")),
    "zone": pl.Series([10**15, 2, 3, None]).cast(pl.Datetime("us", "Europe/Berlin")),
    "duration": pl.Series([1, None, 3, 7]).cast(pl.Duration("ns")),
    "time": pl.Series([1000, 2000, 2000, None]).cast(pl.Time),
    "decimal": pl.Series(["1.5", "2.5", "1.5", None]).cast(pl.Decimal(10, 2)),
    "object": pl.Series([1, 2, 1, 2], dtype=pl.Object),
    "nothing": pl.Series([None] * 4),
}


@pytest.mark.parametrize("name", OF_POLARS)
def test_dtype_of_polars_is_kept(round_trip, name):
    frame = pl.DataFrame({"column": OF_POLARS[name], "other": [1, 2, 3, 5]})
    encoder = TableEncoder().fit(frame)
    assert_same_encoder(encoder, round_trip(encoder), frame)


@pytest.mark.parametrize(
    "dtype",
    ["f8", "f4", "f2", ">f8", "i8", "u1", "?", "M8[ns]", "m8[s]", "U5", "S3", "O"],
)
def test_dtype_of_an_array_is_kept(round_trip, dtype):
    X = rng(0).integers(0, 10, (20, 3)).astype(dtype)
    encoder = TableEncoder().fit(X)
    assert_same_encoder(encoder, round_trip(encoder), X)


@pytest.mark.parametrize(
    "columns",
    [
        range(1, 5, 2),
        [7, 5],
        pd.Index(["a", "b"], name="names", dtype=object),
        pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["x", None]),
        pd.Index([("a", 1), ("b", 2)], tupleize_cols=False),
        pd.to_datetime(["2020", "2021"]),
        pd.CategoricalIndex(["u", "v"]),
        [None, 1.5],
    ],
    ids=str,
)
def test_columns_of_a_frame_are_kept(round_trip, columns):
    frame = pd.DataFrame({"a": [1, 2, 3], "b": list("xyx")})
    frame.columns = columns
    encoder = TableEncoder().fit(frame)
    assert_same_encoder(encoder, round_trip(encoder), frame)


def mixed():
    size = 30
    return pd.DataFrame(
        {
            "number": rng(0).normal(size=size),
            "count": rng(1).integers(0, 9, size),
            "text": rng(2).choice(list("aaaabbbcd"), size),
            "day": pd.date_range("2020", periods=size),
        }
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"categorical_features": ["count", "day"]},
        {"categorical_features": np.array([True, False, False, False])},
        {"numeric_transformer": PowerTransformer()},
        {
            "numeric_transformer": make_pipeline(
                QuantileTransformer(n_quantiles=9, random_state=0), StandardScaler()
            )
        },
        {"handle_unknown": "infrequent_if_exist", "min_frequency": 0.2},
        {"max_categories": 2, "encode_missing": True, "handle_unknown": "error"},
        {"column_weight": {"text": 4.0, 0: np.float32(0.5)}},
        {"column_weight": np.array([1.0, 2, 3, 4])},
        {"restore_dtypes": False},
    ],
    ids=str,
)
def test_parameters_are_kept(round_trip, changes):
    frame = mixed().astype({"text": object})
    frame.loc[3, "text"] = None
    encoder = TableEncoder(**changes).fit(frame)
    other = round_trip(encoder)
    assert_same_encoder(encoder, other, frame)
    new = frame.assign(text=["z", *"abcd" * 7, "a"])
    expected = outcome(encoder, new)
    assert_array_equal(outcome(other, new), expected)


def outcome(encoder, frame):
    """Return the encoded frame, or the message of the error."""
    try:
        return encoder.transform(frame)
    except ValueError as error:
        return str(error)


CELLS = {
    "int64": st.integers(-(2**40), 2**40),
    "float64": st.floats(-1e9, 1e9),
    "bool": st.booleans(),
    "object": st.text(max_size=3) | st.none(),
    "category": st.sampled_from(["one", "two", "three"]),
    "datetime64[us]": st.datetimes(datetime(2000, 1, 1), datetime(2030, 1, 1)),
    "timedelta64[us]": st.timedeltas(timedelta(-1000), timedelta(1000)),
}


@st.composite
def frames(draw):
    n_rows = draw(st.integers(2, 8))
    dtypes = draw(st.lists(st.sampled_from(sorted(CELLS)), min_size=1, max_size=4))
    cells = {
        f"{i}_{dtype}": pd.Series(
            draw(st.lists(CELLS[dtype], min_size=n_rows, max_size=n_rows)), dtype=dtype
        )
        for i, dtype in enumerate(dtypes)
    }
    return pd.DataFrame(cells)


@given(frames())
@settings(
    deadline=None,
    max_examples=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_random_frames_are_kept(round_trip, frame):
    encoder = TableEncoder().fit(frame)
    assert_same_encoder(encoder, round_trip(encoder), frame)


def test_the_same_encoder_gives_the_same_file(path, tmp_path):
    encoder = TableEncoder().fit(mixed())
    encoder.save(path)
    TableEncoder.load(path).save(tmp_path / "second")
    assert (tmp_path / "second").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_output_is_kept(round_trip, kind):
    frame = mixed()
    other = round_trip(TableEncoder().set_output(transform=kind).fit(frame))
    assert type(other.transform(frame)).__module__.startswith(kind)


@pytest.mark.parametrize(
    "table", [mixed(), pl.DataFrame(mixed().to_dict("list"))], ids=["pandas", "polars"]
)
def test_library_that_is_not_installed_is_named(path, monkeypatch, table):
    library = type(table).__module__.split(".")[0]
    TableEncoder().fit(table).save(path)

    def import_module(name):
        raise ImportError(name) if name == library else AssertionError(name)

    monkeypatch.setattr(sklearn_ae._persistence.tables, "import_module", import_module)
    message = f"is known of a table of {library}. Install {library} to load it."
    with pytest.raises(ImportError, match=re.escape(message)):
        sklearn_ae.load(path)


def test_arrays_need_no_library_of_frames(path, monkeypatch):
    X = np.array([[1, "a"], [2, None], [4, "b"]], dtype=object)
    encoder = TableEncoder().fit(X)
    encoder.save(path)
    usual = builtins.__import__

    def without_frames(name, *args):
        if name.split(".")[0] in ("pandas", "polars", "pyarrow"):
            raise ImportError(name)
        return usual(name, *args)

    monkeypatch.setattr(builtins, "__import__", without_frames)
    assert_array_equal(sklearn_ae.load(path).transform(X), encoder.transform(X))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"add_indicator": True, "keep_empty_features": True},
        {"missing_values": "b"},
        {"sample_posterior": True},
        {
            "estimator": make_pipeline(
                StandardScaler(), AutoencoderTransformer(1, random_state=0)
            )
        },
    ],
    ids=str,
)
def test_imputer_is_kept(round_trip, changes):
    frame = mixed().assign(empty=np.nan)
    frame.loc[::5, ["number", "text"]] = None
    imputer = AutoencoderImputer(random_state=0, **changes).fit(frame)
    other = round_trip(imputer)
    for _ in range(2):  # which draw differently
        assert_same_table(other.transform(frame), imputer.transform(frame))
    names = imputer.get_feature_names_out()
    assert_array_equal(other.get_feature_names_out(), names)
    assert_same_table(
        clone(other).fit_transform(frame), clone(imputer).fit_transform(frame)
    )


def test_encoder_of_sparse_arrays_comes_back(tmp_path):
    frame = pd.DataFrame({"text": ["a", "b", None], "number": [1.0, 2.0, 3.0]})
    encoder = TableEncoder(sparse_output=True).fit(frame)
    sklearn_ae.save(encoder, tmp_path / "file")
    loaded = sklearn_ae.load(tmp_path / "file")
    found, expected = loaded.transform(frame), encoder.transform(frame)
    assert np.array_equal(found.toarray(), expected.toarray(), equal_nan=True)
    assert_frame_equal(loaded.inverse_transform(found), frame)
