"""Missing cells of tables, filled."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pandas.testing import assert_series_equal
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline

from sklearn_ae import AutoencoderImputer, AutoencoderTransformer, TableEncoder


def build(**parameters):
    return AutoencoderImputer(**{"random_state": 0} | parameters)


@pytest.fixture(scope="module")
def whole():
    """A table in which each column follows from the others."""
    rng = np.random.default_rng(0)
    hidden = rng.integers(0, 3, 300)
    return pd.DataFrame(
        {
            "text": np.array(["a", "b", "c"], dtype=object)[hidden],
            "flag": hidden == 1,
            "int": 10 * hidden + rng.integers(0, 2, 300),
            "float": hidden + 0.1 * rng.normal(size=300),
            "date": pd.Timestamp("2020-01-01") + pd.to_timedelta(100 * hidden, "D"),
        },
        index=range(1000, 1300),
    )


@pytest.fixture(scope="module")
def holes(whole):
    """The table without a fifth of its cells."""
    table = whole.astype({"flag": object, "int": float})
    rng = np.random.default_rng(1)
    return table.mask(rng.random(table.shape) < 0.2)


def test_observed_cells_are_kept_and_others_filled(whole, holes):
    found = build().fit_transform(holes)
    assert found.index.equals(whole.index)
    assert not found.isna().any(axis=None)
    assert (found.dtypes == holes.dtypes).all()
    for name in holes:
        observed = holes[name].notna()
        assert_series_equal(found[name][observed], holes[name][observed])
    for name in ("text", "flag", "date"):
        hidden = holes[name].isna()
        assert (found[name] == whole[name])[hidden].mean() > 0.9
    hidden = holes["float"].isna()
    assert (found["float"] - whole["float"])[hidden].std() < 0.4 * whole["float"].std()


def test_frame_of_polars_comes_back_as_one():
    table = pl.DataFrame({"n": [1, 2, None, 4, 5], "text": ["a", None, "b", "b", "a"]})
    found = build(add_indicator=True).fit_transform(table)
    assert found.schema == {
        **table.schema, "missingindicator_n": pl.Boolean,
        "missingindicator_text": pl.Boolean,
    }  # fmt: skip
    assert found.select("n", "text").null_count().row(0) == (0, 0)
    assert found["n"][0] == 1


@pytest.mark.filterwarnings("ignore:Skipping features without any observed values")
@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("marker", [np.nan, -1])
def test_conventions_are_those_of_imputers_of_scikit_learn(keep, marker):
    X = np.array([[1.0, 2, 7], [2, 4, 7], [3, np.nan, 7], [4, 8, 7]])
    X[:, 2] = np.nan
    X[np.isnan(X)] = marker
    parameters = {"missing_values": marker, "keep_empty_features": keep}
    other = SimpleImputer(strategy="constant", add_indicator=True, **parameters)
    if not keep:
        other.set_params(strategy="mean")
    other.fit(X)
    model = build(add_indicator=True, **parameters).fit(X)
    expected, found = other.transform(X), model.transform(X)
    assert_array_equal(model.get_feature_names_out(), other.get_feature_names_out())
    assert found.shape == expected.shape
    observed = (marker != X) & ~np.isnan(X)
    assert_array_equal(found[:, :2][observed[:, :2]], X[:, :2][observed[:, :2]])
    assert_array_equal(found[:, -2:], expected[:, -2:])
    if keep:
        assert_array_equal(found[:, 2], 0.0)


def test_row_without_any_value_is_the_mean_row():
    X = np.array([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0], [np.nan, np.nan]])
    assert_allclose(build().fit_transform(X)[3], [2.0, 4.0], rtol=1e-6)


def test_table_without_any_value_is_refused():
    with pytest.raises(ValueError, match="No cell of X is observed"):
        build().fit(np.full((3, 2), np.nan))


def test_column_without_missing_cells_in_fit_is_filled_later():
    X = np.column_stack([np.arange(40.0), 2 * np.arange(40.0), np.ones(40)])
    model = build().fit(X)
    found = model.transform([[10.0, np.nan, 1.0]])
    assert found[0, 1] == pytest.approx(20, abs=2)


def test_draws_differ_by_the_residuals(holes):
    model = build(sample_posterior=True).fit(holes[["float", "int"]])
    first, second = (model.transform(holes[["float", "int"]]) for _ in range(2))
    hidden = holes["float"].isna()
    assert_series_equal(first["float"][~hidden], second["float"][~hidden])
    spread = (first["float"] - second["float"])[hidden]
    assert (spread != 0).mean() > 0.9
    again = build(sample_posterior=True).fit(holes[["float", "int"]])
    assert again.transform(holes[["float", "int"]]).equals(first)


def test_estimator_can_be_given_and_stays_as_it_is(holes):
    estimator = AutoencoderTransformer(2, max_iter=3, random_state=0)
    model = build(estimator=estimator).fit(holes)
    assert model.estimator_.n_components == 2
    assert not hasattr(estimator, "net_")
    alone = make_pipeline(TableEncoder(), estimator)
    expected = alone.inverse_transform(alone.fit_transform(holes))
    hidden = holes["float"].isna()
    assert_series_equal(
        model.transform(holes)["float"][hidden], expected["float"].set_axis(
            holes.index
        )[hidden],
    )  # fmt: skip


def test_pickle_and_pipeline_give_the_same(holes):
    model = build().fit(holes)
    assert (
        pickle.loads(pickle.dumps(model))
        .transform(holes)
        .equals(model.transform(holes))
    )
    numbers = holes[["float", "int"]]
    pipeline = make_pipeline(build(), LinearRegression())
    assert pipeline.fit(numbers, np.arange(len(numbers))).predict(numbers).shape == (
        len(numbers),
    )
