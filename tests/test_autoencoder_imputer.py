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

# Tables of a few rows, whose fit is PCA.
pytestmark = pytest.mark.filterwarnings("ignore:The fit is PCA:UserWarning")


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
    model = build(add_indicator=True)
    found = model.fit_transform(table)
    flags = dict.fromkeys(model.get_feature_names_out()[2:], pl.Boolean)
    assert len(flags) == 2
    assert found.schema == {**table.schema, **flags}
    assert found.select("n", "text").null_count().row(0) == (0, 0)
    assert found["n"][0] == 1


# scikit-learn's imputer warns of the column that is left out.
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


def test_cell_may_be_filled_with_what_stands_for_missing():
    X = np.array([[1.0, 2.0], [3.0, -1.0], [4.0, 8.0], [5.0, 10.0], [-1.0, -2.0]])
    model = build(missing_values=3.0, keep_empty_features=True).fit(X)
    (found,) = model.transform([[4.0, 3.0]])
    assert found[1] == pytest.approx(8.0, abs=3)
    constant = build(missing_values=9.0, keep_empty_features=True)
    constant.fit(np.column_stack([np.arange(6.0), np.full(6, 7.0)]))
    constant.set_params(missing_values=7.0)
    assert constant.transform([[2.0, 7.0]])[0, 1] == pytest.approx(7.0)


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


def test_draws_have_the_spread_of_the_residuals():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((400, 2))
    X[rng.random(400) < 0.7, 1] = np.nan
    hidden = np.isnan(X[:, 1])
    estimator = AutoencoderTransformer(1, random_state=0)
    mean = build(estimator=estimator).fit_transform(X)
    model = build(estimator=estimator, sample_posterior=True).fit(X)
    draws = [model.transform(X) for _ in range(5)]
    added = np.concatenate([(draw - mean)[hidden, 1] for draw in draws])
    pipeline = make_pipeline(TableEncoder(), estimator)
    left = (X - pipeline.inverse_transform(pipeline.fit_transform(X)))[~hidden, 1]
    assert added.std() == pytest.approx(left.std(), rel=0.15)
    assert not np.array_equal(draws[0], draws[1])
    assert_array_equal(draws[0][~hidden], X[~hidden])
    again = build(estimator=estimator, sample_posterior=True).fit(X)
    assert_array_equal(again.transform(X), draws[0])


def test_columns_without_missing_cells_are_left_alone():
    table = pd.DataFrame(
        {
            "id": pd.Categorical([2**62 + i for i in range(6)]),
            "b": [1.0, 2, None, 4, 5, 6],
        }
    )
    found = build(estimator=AutoencoderTransformer(1, max_iter=2)).fit_transform(table)
    assert_series_equal(found["id"], table["id"])


@pytest.mark.parametrize(
    "table",
    [
        np.array([["apple", "b"], ["?", "b"], ["apple", "c"], ["apple", "c"]]),
        pd.DataFrame({"a": ["apple", "?", "apple", "apple"], "b": [*"bbcc"]}),
        pl.DataFrame({"a": ["apple", "?", "apple", "apple"], "b": [*"bbcc"]}),
    ],
    ids=["array", "pandas", "polars"],
)
def test_marker_can_be_text(table):
    found = build(missing_values="?").fit_transform(table)
    assert np.asarray(found)[:, 0].tolist() == ["apple"] * 4


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_marker_of_integers_is_no_true(frame):
    table = frame({"n": [1, -1, 3, 4, 5], "flag": [True, False, True, True, True]})
    found = build(missing_values=1).fit_transform(table)
    assert found["flag"].to_list() == [True, False, True, True, True]
    assert found["n"].to_list()[1:] == [-1, 3, 4, 5]


@pytest.mark.parametrize("nothing", [None, np.nan, pd.NA])
def test_missing_values_of_libraries_are_known(nothing):
    table = pd.DataFrame({"a": ["x", None, "x"], "b": [1.0, 2.0, np.nan]})
    assert not build(missing_values=nothing).fit_transform(table).isna().any(axis=None)


def test_batch_with_fewer_categories_gets_those_of_the_fit():
    table = pd.DataFrame({"a": pd.Categorical(["x", *6 * "y"]), "b": range(7)})
    model = build().fit(table)
    batch = pd.DataFrame({"a": pd.Categorical(["x", None]), "b": [0, 6]})
    found = model.transform(batch)
    assert found["a"].tolist() == ["x", "y"]
    assert found["a"].dtype == table["a"].dtype


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_batch_may_have_other_dtypes(library):
    """What is filled is kept in the range of the batch; a full column is left alone."""
    table = {name: 100.0 * np.arange(8) for name in "abc"}
    model = build().fit({"pandas": pd, "polars": pl}[library].DataFrame(table))
    if library == "pandas":
        batch = pd.DataFrame({"a": [10.0, 700.0], "b": pd.array([10, None], "Int8")})
        batch["c"] = pd.array([10, 20], "Int8")
    else:
        batch = pl.DataFrame({"a": [10.0, 700.0], "b": [10, None], "c": [10, 20]})
        batch = batch.cast({"b": pl.Int8, "c": pl.Int8})
    found = model.transform(batch)
    assert found["b"].to_list() == [10, 127]
    assert found["c"].to_list() == [10, 20]
    assert [*found.dtypes] == [*batch.dtypes]


@pytest.fixture(scope="module")
def as_table():
    """A table with holes in each kind of column, by the library asked for."""
    half = np.arange(30) % 2
    days = np.array(["2020-01-01", "2021-01-01T10"], dtype="M8[us]")
    columns = {
        "text": np.array(["a", "b"], dtype=object)[half],
        "flag": (half == 1).astype(object),
        "number": 10.0 * half + np.arange(30) / 30,
        "date": days[half].astype(object),
    }
    for i, column in enumerate(columns.values()):
        column[i::6] = np.nan if column.dtype == float else None
    lists = {name: column.tolist() for name, column in columns.items()}
    lists["number"] = [None if one != one else one for one in lists["number"]]
    frame = pd.DataFrame(columns).astype({"date": "M8[us]"})
    polars = pl.DataFrame(lists)
    return {
        "pandas": frame,
        "pandas, other dtypes": frame.assign(
            text=frame["text"].astype(pd.CategoricalDtype(["z", "a", "b"])),
            flag=frame["flag"].astype("boolean"),
            date=frame["date"].dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo"),
        ),
        "polars": polars,
        "polars, other dtypes": polars.with_columns(
            pl.col("text").cast(pl.Enum(["z", "a", "b"])),
            pl.col("date").dt.replace_time_zone("Asia/Tokyo"),
        ),
        "array": np.column_stack(list(columns.values())),
    }


LIBRARIES = ("pandas", "pandas, other dtypes", "polars", "polars, other dtypes")


# Arrays have no names of columns, of which scikit-learn warns.
@pytest.mark.filterwarnings("ignore:X (has|does not have valid) feature names")
@pytest.mark.parametrize("given", [*LIBRARIES, "array"])
@pytest.mark.parametrize("fitted", [*LIBRARIES, "array"])
def test_table_of_another_library_comes_back_as_what_it_is(as_table, fitted, given):
    estimator = AutoencoderTransformer(1, max_iter=1, random_state=0)
    model = build(estimator=estimator).fit(as_table[fitted])
    table, found = as_table[given], model.transform(as_table[given])
    assert type(found) is type(table)
    dtypes = "schema" if given.startswith("polars") else "dtypes"
    if given != "array":
        assert dict(getattr(found, dtypes)) == dict(getattr(table, dtypes))
    before, after = np.array(table, dtype=object), np.array(found, dtype=object)
    observed = ~pd.isna(before)
    assert (~observed).any(axis=0).all()
    assert_array_equal(after[observed], before[observed])
    assert not pd.isna(after).any()


# Arrays have no names of columns, of which scikit-learn warns.
@pytest.mark.filterwarnings("ignore:X (has|does not have valid) feature names")
@pytest.mark.parametrize("library", [pd.DataFrame, pl.DataFrame])
def test_array_of_numbers_stays_one_behind_a_frame(library):
    X = np.column_stack([np.arange(20.0), 2 * np.arange(20.0)])
    model = build(estimator=AutoencoderTransformer(1, max_iter=1))
    model.fit(
        library(X, **{"columns" if library is pd.DataFrame else "schema": [*"ab"]})
    )
    found = model.transform(np.array([[3, np.nan]], dtype=np.float32))
    assert found.dtype == np.float32
    assert found[0, 1] == pytest.approx(6, abs=1)


def test_categories_and_times_that_only_the_batch_has_stay(as_table):
    model = build(estimator=AutoencoderTransformer(1, max_iter=1))
    model.fit(
        pl.DataFrame({"text": [*"aabb"], "date": pl.Series([1, 2, 3, 4]).cast(pl.Date)})
    )
    batch = as_table["polars, other dtypes"].select("text", "date")
    found = model.transform(batch.with_columns(text=batch["text"].fill_null("z")))
    assert found["text"][0] == "z"
    times = batch["date"].drop_nulls()
    assert found["date"].filter(batch["date"].is_not_null()).equals(times)
    fitted = pd.DataFrame({"a": pd.Categorical([*"xyyy"]), "b": range(4)})
    model.fit(fitted)
    batch = pd.DataFrame({"a": pd.Categorical(["new", None]), "b": [0, 3]})
    assert model.transform(batch)["a"].tolist() == ["new", "y"]


def test_row_without_text_gets_one():
    table = pd.DataFrame({"a": [*"xyyy"], "b": [1.0, 2, 3, 4]})
    found = build().fit(table).transform(pd.DataFrame([{"a": np.nan, "b": 4.0}]))
    assert found["a"].tolist() == ["y"]


def test_unseen_category_stays_as_it_is():
    table = pd.DataFrame({"a": [*"xxyy"], "b": [1.0, 2, 3, 4]})
    batch = pd.DataFrame({"a": ["new", None], "b": [None, 4.0]})
    found = build().fit(table).transform(batch)
    assert found["a"][0] == "new"
    assert not found.isna().any(axis=None)


def test_generator_of_the_caller_is_left_alone():
    X = np.array([[1.0, 2.0], [2.0, np.nan], [3.0, 6.0], [4.0, 8.0]])
    generator = np.random.RandomState(0)
    model = build(random_state=generator, sample_posterior=True).fit(X)
    state = generator.get_state()[1].copy()
    model.transform(X)
    assert_array_equal(generator.get_state()[1], state)


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
