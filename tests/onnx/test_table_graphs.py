"""Tables of mixed columns in ONNX: encoded, and imputed."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MinMaxScaler,
    PowerTransformer,
    QuantileTransformer,
    StandardScaler,
)

from sklearn_ae import AutoencoderImputer, TableEncoder

skl2onnx = pytest.importorskip("skl2onnx")
pytest.importorskip("sklearn_ae.onnx")


@pytest.fixture
def table():
    """Numbers, a large integer, text, a boolean and an integer that is a category."""
    rng, n = np.random.default_rng(0), 200
    return pd.DataFrame(
        {
            "size": rng.gamma(2.0, 50.0, n).astype(np.float32) + 1000,
            "number": rng.integers(0, 10**9, n),
            "colour": rng.choice(
                ["red", "blue", "green", "pink"], n, p=[0.6, 0.3, 0.08, 0.02]
            ),
            "is_new": rng.random(n) > 0.5,
            "grade": rng.integers(1, 4, n),
        }
    )


def feeds_of(table):
    """Return one input for each column, as onnxruntime takes them."""
    return {
        name: table[[name]].astype(object).to_numpy()
        if table[name].dtype.kind not in "biuf"
        else table[[name]].to_numpy()
        for name in table
    }


def dense(X):
    return X.toarray() if hasattr(X, "toarray") else X


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"categorical_features": ["grade"]},
        {"column_weight": {"colour": 2.0, "size": 0.5}},
        {"max_categories": 2},
        {"max_categories": 3, "handle_unknown": "infrequent_if_exist"},
        {"min_frequency": 0.1, "handle_unknown": "infrequent_if_exist"},
        {"sparse_output": True},
        {"numeric_transformer": StandardScaler(with_mean=False)},
        {"numeric_transformer": MinMaxScaler()},
        {"numeric_transformer": PowerTransformer()},
        {
            "numeric_transformer": PowerTransformer(
                method="yeo-johnson", standardize=False
            )
        },
        {"numeric_transformer": QuantileTransformer(n_quantiles=10)},
    ],
    ids=str,
)
def test_encoded_tables(parameters, table, run):
    encoder = TableEncoder(**parameters).fit(table)
    model = skl2onnx.to_onnx(encoder, table[:1])
    wanted = dense(encoder.transform(table))
    (found,) = run(model, feeds_of(table))
    assert found.dtype == np.float32
    assert_allclose(found, wanted, atol=1e-5, rtol=1e-6)
    # Categories that nobody has seen, and cells that are missing.
    rows, given = table[:4].copy(), feeds_of(table[:4])
    given = {name: values.copy() for name, values in given.items()}
    rows["colour"] = rows["colour"].astype(object)
    rows.loc[[0, 1], "colour"] = [None, "black"]
    given["colour"][:2, 0] = ["", "black"]
    rows.loc[2, "size"] = given["size"][2] = np.nan
    (found,) = run(model, given)
    assert_allclose(found, dense(encoder.transform(rows)), atol=1e-5, rtol=1e-6)


@pytest.mark.parametrize("missing", [None, np.nan, "", "None"])
def test_missing_text_as_it_comes(missing, run):
    df = pd.DataFrame({"a": [1.0, 2.0, 6.0], "b": ["x", "y", "x"]})
    encoder = TableEncoder().fit(df)
    feeds = {
        "a": df[["a"]].to_numpy(),
        "b": np.array([["y"], [missing], ["x"]], object),
    }
    df["b"] = pd.Series(["y", None, "x"], dtype=object)
    (found,) = run(skl2onnx.to_onnx(encoder, df[:1]), feeds)
    assert_allclose(found, encoder.transform(df), atol=1e-12)


def test_unknown_text_joins_a_single_rare_category(run):
    df = pd.DataFrame({"a": ["x"] * 10 + ["y"] * 10 + ["z"]})
    encoder = TableEncoder(handle_unknown="infrequent_if_exist", min_frequency=5)
    model = skl2onnx.to_onnx(encoder.fit(df), df[:1])
    new = pd.DataFrame({"a": ["new", "x", "z"]})
    (found,) = run(model, new[["a"]].astype(object).to_numpy())
    assert_allclose(found, encoder.transform(new), atol=1e-12)


def test_missing_text_that_is_no_category(run):
    df = pd.DataFrame({"a": ["x", "y", "x"]})
    encoder = TableEncoder(encode_missing=True).fit(df)
    model = skl2onnx.to_onnx(encoder, df[:1])
    (found,) = run(model, np.array([["x"], [""]], dtype=object))
    wanted = encoder.transform(pd.DataFrame({"a": ["x", None]}, dtype=object))
    assert_allclose(found, wanted, atol=1e-12)


def test_integers_that_float64_cannot_tell_apart(run):
    df = pd.DataFrame({"id": 10**17 + np.array([1, 2, 3] * 5), "n": np.arange(15.0)})
    encoder = TableEncoder(categorical_features=["id"]).fit(df)
    (found,) = run(skl2onnx.to_onnx(encoder, df[:1]), feeds_of(df))
    assert_allclose(found, encoder.transform(df), atol=1e-12)


def test_categories_that_inputs_cannot_hold(run):
    df = pd.DataFrame({"k": pd.Categorical([0.25, 0.75] * 5), "n": np.arange(10.0)})
    encoder, kinds = TableEncoder().fit(df), skl2onnx.common.data_types
    with pytest.raises(TypeError, match=r"Column 'k'.*category 0.25 is no integer"):
        skl2onnx.to_onnx(encoder, df[:1])
    types = [(name, kinds.DoubleTensorType([None, 1])) for name in df]
    feeds = {name: df[[name]].astype(float).to_numpy() for name in df}
    (found,) = run(skl2onnx.to_onnx(encoder, initial_types=types), feeds)
    assert_allclose(found, encoder.transform(df), atol=1e-12)


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_quantiles_far_from_zero(offset, curved, codes_of):
    X = curved[:, :2] + offset
    scaler = QuantileTransformer(n_quantiles=10)
    encoder = TableEncoder(numeric_transformer=scaler).fit(X)
    assert_allclose(codes_of(encoder, X), encoder.transform(X), atol=1e-5)


def test_numbers_of_a_float64_table_are_exact(curved, codes_of):
    X = 1e6 + curved
    encoder = TableEncoder().fit(X)
    assert_allclose(codes_of(encoder, X), encoder.transform(X), rtol=1e-12, atol=1e-12)


def test_categories_that_are_missing(run):
    table = pd.DataFrame({"a": ["x", None, "y", "x"], "b": [1.0, np.nan, 2.0, 1.0]})
    encoder = TableEncoder(encode_missing=True, categorical_features=["b"]).fit(table)
    model = skl2onnx.to_onnx(encoder, table[:1])
    feeds = {
        "a": np.array([["x"], [""], ["y"], ["x"]], dtype=object),
        "b": table[["b"]].to_numpy(),
    }
    assert_allclose(run(model, feeds)[0], encoder.transform(table), atol=1e-12)


def test_column_without_values(run):
    X = np.column_stack([np.arange(5.0), np.full(5, np.nan)])
    encoder = TableEncoder().fit(X)
    (found,) = run(skl2onnx.to_onnx(encoder, X[:1]), X)
    assert_allclose(found, encoder.transform(X), atol=1e-12)


def test_pipeline_of_a_table(table, quick, run):
    table = table.astype({"size": np.float64})
    y = table["size"] + 100 * (table["colour"] == "red")
    pipeline = make_pipeline(TableEncoder(), quick(3), Ridge()).fit(table, y)
    (found,) = run(skl2onnx.to_onnx(pipeline, table[:1]), feeds_of(table))
    assert_allclose(found[:, 0], pipeline.predict(table), rtol=1e-9)


def test_parts_of_a_table(table, run):
    parts = make_column_transformer(
        (TableEncoder(), ["size", "colour"]), (TableEncoder(), ["is_new", "number"])
    ).fit(table)
    feeds = feeds_of(table.drop(columns="grade"))
    (found,) = run(skl2onnx.to_onnx(parts, table[:1].drop(columns="grade")), feeds)
    assert_allclose(found, parts.transform(table), atol=1e-5)


@pytest.mark.parametrize(
    ("column", "text"),
    [
        (pd.date_range("2020", periods=9), "has no type for dates"),
        (["a", 1] * 4 + ["b"], "not all of its categories are text"),
    ],
)
def test_columns_without_a_type_are_named(column, text):
    table = pd.DataFrame({"a": np.arange(9.0), "b": column})
    kind = skl2onnx.common.data_types.StringTensorType([None, 1])
    number = skl2onnx.common.data_types.FloatTensorType([None, 1])
    encoder = TableEncoder()
    if isinstance(column, list):  # mixed types in one column
        encoder.set_params(categorical_features=["b"])
        table["b"] = pd.Series([1, 2] * 4 + [3])
    encoder.fit(table)
    with pytest.raises(
        (TypeError, NotImplementedError),
        match=f"Column 'b' cannot be converted.*{text}",
    ):
        skl2onnx.to_onnx(encoder, initial_types=[("a", number), ("b", kind)])


@pytest.mark.parametrize("missing_values", [np.nan, -1.0, np.float32(-1)])
@pytest.mark.parametrize("add_indicator", [False, True])
@pytest.mark.parametrize("keep_empty_features", [False, True])
def test_imputed_tables(
    missing_values, add_indicator, keep_empty_features, curved, codes_of
):
    X = np.column_stack([curved, np.full(len(curved), np.nan)])
    X[:, 1] = np.round(X[:, 1] * 10)  # integers, in an array of floats
    X[::3, 2] = X[1::4, 0] = np.nan
    X[4] = np.nan
    X[np.isnan(X)] = missing_values
    imputer = AutoencoderImputer(
        missing_values=missing_values,
        add_indicator=add_indicator,
        keep_empty_features=keep_empty_features,
        random_state=0,
    ).fit(X)
    found, wanted = codes_of(imputer, X), imputer.transform(X)
    assert_allclose(found, wanted, rtol=1e-9, atol=1e-9)
    assert found.shape[1] == len(imputer.get_feature_names_out())


@pytest.fixture
def with_holes(table):
    """Cells of each column that can lack any, and a row that lacks all of them."""
    holes = table.drop(columns="number")
    holes["price"] = holes["size"].astype(float) * 2.0 + holes["is_new"]
    holes.loc[::5, "colour"] = None
    holes.loc[1::7, "size"] = holes.loc[2::3, "price"] = np.nan
    holes.loc[3, ["size", "colour", "price"]] = None
    return holes


def assert_equal_columns(found, wanted):
    """Compare columns that come one by one; text and booleans have to be the same."""
    for values, name in zip(found, wanted, strict=True):
        expected = wanted[name].to_numpy()
        assert values.shape == (len(wanted), 1)
        if expected.dtype.kind == "f":
            assert values.dtype == expected.dtype
            assert_allclose(values[:, 0], expected, rtol=1e-7)
        else:
            assert (values[:, 0] == expected).all()


def test_imputed_columns_of_mixed_tables(with_holes, run):
    imputer = AutoencoderImputer(random_state=0).fit(with_holes)
    model = skl2onnx.to_onnx(imputer, with_holes.dropna()[:1])
    wanted = imputer.transform(with_holes)
    assert not wanted.isna().any(axis=None)
    for rows in (slice(None), slice(3, 4), slice(6, 7)):
        feeds = feeds_of(with_holes[rows])
        assert_equal_columns(run(model, feeds), wanted[rows])
    names = [output.name for output in model.graph.output]
    assert names == [f"filled_{name}" for name in with_holes]


def test_large_integers_stay_what_they_are(with_holes, run):
    with_holes["grade"] += 2**60
    imputer = AutoencoderImputer(random_state=0)
    imputer.fit(with_holes.astype({"grade": "category"}))
    model = skl2onnx.to_onnx(imputer, with_holes.dropna()[:1])
    found = run(model, feeds_of(with_holes))[list(with_holes).index("grade")]
    assert (found[:, 0] == with_holes["grade"]).all()


def test_columns_of_text_in_one_input(with_holes, run):
    X = with_holes[["colour", "colour"]].to_numpy(dtype=object)
    imputer = AutoencoderImputer(random_state=0).fit(X)
    kind = skl2onnx.common.data_types.StringTensorType([None, 2])
    found = run(skl2onnx.to_onnx(imputer, initial_types=[("X", kind)]), {"X": X})
    assert (np.hstack(found) == imputer.transform(X)).all()


def test_encoder_of_imputed_columns(with_holes, run):
    steps = make_pipeline(AutoencoderImputer(random_state=0), TableEncoder())
    wanted = steps.fit_transform(with_holes)
    model = skl2onnx.to_onnx(steps, with_holes.dropna()[:1])
    (found,) = run(model, feeds_of(with_holes))
    assert_allclose(found, wanted, rtol=0, atol=1e-7)


@pytest.mark.parametrize(
    "parameters",
    [
        {"add_indicator": True},
        {"missing_values": -1},
        {"missing_values": "red"},
        {"keep_empty_features": True},
    ],
)
def test_imputers_of_numbers_alone(parameters, with_holes):
    with_holes["empty"] = np.nan
    imputer = AutoencoderImputer(random_state=0, **parameters).fit(with_holes)
    rows = with_holes.fillna({"empty": 0.0}).dropna()[:1]
    with pytest.raises(NotImplementedError, match="in tables of numbers alone"):
        skl2onnx.to_onnx(imputer, rows)


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"sample_posterior": True}, "sample_posterior=True draws"),
        ({"estimator": make_pipeline(PCA(2))}, "not by Pipeline"),
    ],
)
def test_imputers_without_a_graph(parameters, text, curved):
    imputer = AutoencoderImputer(random_state=0, **parameters).fit(curved)
    with pytest.raises(NotImplementedError, match=text):
        skl2onnx.to_onnx(imputer, curved[:1])
