"""Tables of mixed columns as matrices: encodings, parameters and errors."""

import re
from decimal import Decimal
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pandas.testing import assert_frame_equal
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    PowerTransformer,
    QuantileTransformer,
    StandardScaler,
)

from sklearn_ae import TableEncoder
from tests.mixed_tables import mixed


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


@pytest.mark.parametrize("factor", [1e153, 1e200, 1e-165])
def test_numbers_whose_squares_overflow_are_refused(factor):
    frame = pd.DataFrame({"plain": np.arange(30.0), "far": factor * np.arange(30)})
    with pytest.raises(ValueError, match=r"Column 'far' .* squares are beyond float64"):
        TableEncoder().fit(frame)


def test_numbers_that_a_transformer_has_nothing_for_are_missing():
    logarithm = FunctionTransformer(np.log1p, np.expm1, check_inverse=False)
    frame = pd.DataFrame({"a": [-5.0, 0.0, 1.0, 3.0]})
    found = TableEncoder(numeric_transformer=logarithm).fit(frame)
    with pytest.warns(RuntimeWarning, match="invalid value encountered in log1p"):
        assert np.isnan(found.transform(frame)).ravel().tolist() == [True, *[False] * 3]


def test_column_of_lists_is_refused_with_its_name():
    frame = pd.DataFrame({"lists": [[1], [2]], "mixed": [1, "a"]})
    for name in frame:
        message = f"Column '{name}' cannot be encoded: .*Make its values strings"
        with pytest.raises(TypeError, match=message):
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


def test_text_of_an_array_that_is_unknown_is_missing():
    encoder = TableEncoder().fit(np.array([["a"], ["bcd"]]))
    found = encoder.inverse_transform(encoder.transform(np.array([["bcd"], ["z"]])))
    assert found.tolist() == [["bcd"], [None]]


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


def test_numbers_beyond_the_inverse_of_a_power_are_those_at_the_edge():
    frame = pd.DataFrame({"amount": np.exp(np.linspace(-3.0, 3.0, 50))})
    encoder = TableEncoder(numeric_transformer=PowerTransformer()).fit(frame)
    found = encoder.inverse_transform(np.array([[-50.0], [50.0], [0.0], [np.nan]]))
    lowest, highest = frame["amount"].min(), frame["amount"].max()
    assert found["amount"][1] == highest
    assert found["amount"][0] <= lowest
    assert lowest < found["amount"][2] < highest
    assert np.isnan(found["amount"][3])


@pytest.mark.parametrize(
    ("pattern", "cure"),
    [
        ("2020-01-{:02}", "to_datetime"),
        ("{}/3/20", "to_datetime"),
        ("{:02}.03.2020 12:00", "to_datetime"),
        ("{}.5", "to_numeric"),
        (Decimal("1.25"), "to_numeric"),
    ],
)
def test_text_that_spells_dates_or_numbers_is_told_of(pattern, cure):
    is_text = isinstance(pattern, str)
    values = [pattern.format(i) if is_text else i * pattern for i in range(1, 20)]
    df = pd.DataFrame({"a": values})
    message = f"Column 'a' spells .* categories.*pandas.{cure}, or name"
    with pytest.warns(UserWarning, match=message) as found:
        TableEncoder().fit_transform(df)
    assert found[0].filename == __file__
    TableEncoder(categorical_features=["a"]).fit(df)  # as warnings are errors here
    TableEncoder().fit(df[:8])


@pytest.mark.parametrize("pattern", ["{}0000", "1.2.{}a", "kind {}"])
def test_text_that_is_categories_is_not_told_of(pattern):
    TableEncoder().fit(pd.DataFrame({"a": [pattern.format(i) for i in range(1, 20)]}))


@pytest.mark.parametrize(
    "values", [np.arange(20) / 2, pd.date_range("2020", periods=20)]
)
def test_categories_that_are_no_text_are_not_told_of(values):
    TableEncoder().fit(pd.DataFrame({"a": pd.Categorical(values)}))
