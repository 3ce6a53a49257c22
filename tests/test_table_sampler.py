import re

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import ks_2samp
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, Normalizer, StandardScaler

import sklearn_ae
from sklearn_ae import AutoencoderTransformer, TableEncoder, TableSampler
from sklearn_ae._sampling import Margins, drawn_residuals

KDE = KernelDensity(bandwidth=0.3)


def mixed(n_rows=300):
    """Return a table whose price and size follow its litres."""
    rng = np.random.default_rng(0)
    size = rng.choice(["small", "medium", "large"], n_rows)
    centre = pd.Series(size).map({"small": 1.0, "medium": 2.0, "large": 3.0}).to_numpy()
    litres = centre + 0.05 * rng.standard_normal(n_rows)
    levels = ["small", "medium", "large"]
    return pd.DataFrame(
        {
            "size": pd.Categorical(size, levels, ordered=True),
            "litres": litres,
            "price": (100 * litres).astype(np.int32),
            "sold": pd.date_range("2024-01-01", periods=n_rows, tz="Europe/Berlin"),
            "on_sale": rng.random(n_rows) < 0.2,
            "stars": pd.array(rng.integers(1, 6, n_rows), dtype="Int8"),
        },
        index=np.arange(n_rows) + 7,
    )


def ring(n_rows=400):
    """Return columns of a circle, with noise."""
    rng = np.random.default_rng(1)
    angle = rng.uniform(0, 2 * np.pi, n_rows)
    columns = [np.cos(angle), np.sin(angle), np.cos(angle) ** 2, np.sin(2 * angle)]
    return np.column_stack(columns) + 0.1 * rng.standard_normal((n_rows, 4))


def small(n_components=2):
    return AutoencoderTransformer(n_components, max_iter=10, random_state=0)


@pytest.fixture(scope="module")
def sampler():
    model = make_pipeline(TableEncoder(), small(4))
    return TableSampler(model, random_state=0).fit(mixed())


def test_samples_are_a_table_like_that_of_the_fit(sampler):
    samples, table = sampler.sample(50), mixed()
    assert samples.shape == (50, 6)
    pd.testing.assert_series_equal(samples.dtypes, table.dtypes)
    assert sampler.sample().shape == (1, 6)


def test_discrete_columns_have_values_that_were_seen(sampler):
    samples, table = sampler.sample(500), mixed()
    for name in ("size", "price", "on_sale", "stars"):
        assert set(samples[name]) <= set(table[name])
    assert samples["stars"].nunique() == 5
    assert len(set(samples["litres"]) - set(table["litres"])) > 400


def test_repeated_numbers_come_back_bit_by_bit():
    X = ring().round(1) / 3
    model = make_pipeline(TableEncoder(column_weight=[3, 1, 1, 1]), PCA(2))
    samples = TableSampler(model, random_state=0).fit(X).sample(100)
    for column, drawn in zip(X.T, samples.T, strict=True):
        assert set(drawn) <= set(column)


def test_decreasing_transformers_of_numbers():
    minus = FunctionTransformer(np.negative, np.negative)
    model = make_pipeline(TableEncoder(numeric_transformer=minus), PCA(2))
    X = np.exp(ring())
    samples = TableSampler(model, random_state=0).fit(X).sample(1000)
    for column, drawn in zip(X.T, samples.T, strict=True):
        assert ks_2samp(column, drawn).pvalue > 0.05
    assert_allclose(np.corrcoef(samples.T), np.corrcoef(X.T), atol=0.1)


def test_samples_keep_what_joins_columns(sampler):
    samples = sampler.sample(1000)
    assert np.corrcoef(samples["litres"], samples["price"])[0, 1] > 0.98
    means = samples.groupby("size", observed=True)["litres"].mean()
    assert_allclose(means, [1, 2, 3], atol=0.25)


def test_margins_are_those_of_training_rows():
    X = ring()
    X[:, 3] = np.exp(X[:, 3])
    samples = TableSampler(PCA(2), random_state=0).fit(X).sample(2000)
    for column, drawn in zip(X.T, samples.T, strict=True):
        assert ks_2samp(column, drawn).pvalue > 0.05
        assert column.min() <= drawn.min() <= drawn.max() <= column.max()


def test_residuals_add_what_codes_lack():
    X = ring() + 5
    lost = {}
    for residuals in ("bootstrap", None):
        model = TableSampler(PCA(2), residuals=residuals, random_state=0).fit(X)
        samples = model.sample(1000)
        codes = model.transformer_.transform(samples)
        left = samples - model.transformer_.inverse_transform(codes)
        lost[residuals] = (left**2).mean()
    pca = PCA(2).fit(X)
    wanted = ((X - pca.inverse_transform(pca.transform(X))) ** 2).mean()
    assert 0.8 < lost["bootstrap"] / wanted < 1.25
    assert lost[None] < 0.5 * wanted


def test_residuals_are_of_rows_nearby_but_none_of_theirs():
    rng = np.random.RandomState(0)
    known_codes = np.repeat([[0.0], [100.0]], 40, axis=0)
    known = rng.standard_normal((80, 3)) + known_codes
    none = np.zeros(3, dtype=bool)
    codes = np.repeat([[1.0], [99.0]], 1000, axis=0)
    found = drawn_residuals(codes, known_codes, known, none, rng)
    assert_allclose(found[:1000].mean(axis=0), 0, atol=0.6)
    assert_allclose(found[1000:].mean(axis=0), 100, atol=0.6)
    assert_allclose(found[:1000].std(axis=0), 1, atol=0.4)
    assert np.abs(found[:, None] - known).max(axis=2).min() > 1e-3
    as_they_are = drawn_residuals(codes, known_codes, known, ~none, rng)
    assert np.abs(as_they_are[:, None] - known).max(axis=2).min(axis=1).max() == 0


def test_one_known_row_gives_its_residual():
    known = np.array([[2.0, np.nan]])
    none, rng = np.zeros(2, dtype=bool), np.random.RandomState(0)
    found = drawn_residuals(np.zeros((3, 1)), np.zeros((1, 1)), known, none, rng)
    assert_array_equal(found, np.repeat(known, 3, axis=0))


def test_margins_replace_values_by_those_of_the_same_rank():
    known = np.column_stack([np.arange(10.0), np.repeat([3.0, 8.0], 5)])
    drawn = np.column_stack([np.arange(100.0), np.arange(100.0)])
    margins = Margins.learn(known, drawn, np.zeros(2, dtype=bool))
    assert_array_equal(margins.are_discrete, [False, True])
    X = np.array([[-5.0, -5.0], [49.5, 40.0], [200.0, 60.0], [np.nan, np.nan]])
    wanted = [[0.0, 3.0], [4.5, 3.0], [9.0, 8.0], [np.nan, np.nan]]
    assert_allclose(margins.carry(X), wanted)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16, object])
def test_arrays_keep_their_dtype(dtype):
    X = (10 * ring()).astype(dtype)
    samples = TableSampler(PCA(2), random_state=0).fit(X).sample(5)
    assert isinstance(samples, np.ndarray)
    assert (samples.dtype, samples.shape) == (X.dtype, (5, 4))


def test_frames_of_numbers_need_no_encoder():
    table = mixed()[["litres", "price", "on_sale", "stars"]]
    model = make_pipeline(StandardScaler(), PCA(2))
    samples = TableSampler(model, random_state=0).fit(table).sample(100)
    pd.testing.assert_series_equal(samples.dtypes, table.dtypes)
    assert set(samples["price"]) <= set(table["price"])


def test_frames_of_polars():
    polars = pytest.importorskip("polars")
    table = polars.from_pandas(mixed().reset_index(drop=True))
    model = make_pipeline(TableEncoder(restore_dtypes=False), small(4))
    samples = TableSampler(model, random_state=0).fit(table).sample(20)
    assert samples.schema == table.schema


def test_an_integer_gives_the_same_samples_in_each_call(sampler):
    assert sampler.sample(20).equals(sampler.sample(20))
    X = ring()
    first, second = (TableSampler(PCA(2), random_state=3).fit(X) for _ in range(2))
    assert_array_equal(first.sample(9), second.sample(9))


def test_a_generator_gives_others_in_each_call():
    rng = np.random.RandomState(0)
    model = TableSampler(PCA(2), random_state=rng).fit(ring())
    assert not np.array_equal(model.sample(9), model.sample(9))
    free = TableSampler(PCA(2)).fit(ring())
    assert not np.array_equal(free.sample(9), free.sample(9))


def test_global_generator_is_not_touched():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    TableSampler(PCA(2), random_state=0).fit(ring()).sample(3)
    assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


@pytest.mark.parametrize("density", [KDE, GaussianMixture(3, random_state=0)])
def test_other_densities(density):
    X = ring()
    model = TableSampler(PCA(2), density=density, random_state=0).fit(X)
    assert type(model.density_) is type(density)
    assert model.density_ is not density
    samples = model.sample(500)
    assert_array_equal(samples, model.sample(500))
    radius = np.hypot(samples[:, 0], samples[:, 1])
    assert 0.8 < radius.mean() < 1.3
    assert vars(model.density_).get("random_state") == density.get_params().get(
        "random_state"
    )


def test_samples_are_in_random_order():
    mixture = GaussianMixture(2, random_state=0)
    X = np.repeat([[0.0, 0.0], [9.0, 9.0]], 50, axis=0) + 0.1 * ring(100)[:, :2]
    samples = TableSampler(PCA(1), density=mixture, random_state=0).fit(X).sample(100)
    assert 20 < (np.diff(samples[:, 0] > 5) != 0).sum() < 80


def test_scores_are_likelihoods_in_the_units_of_codes():
    X = ring() * 1000
    mixture = GaussianMixture(random_state=0, reg_covar=0)
    model = TableSampler(PCA(2), density=mixture).fit(X)
    codes = PCA(2).fit_transform(X)
    wanted = GaussianMixture(random_state=0, reg_covar=0).fit(codes)
    assert_allclose(model.score_samples(X), wanted.score_samples(codes), rtol=1e-6)
    assert model.score(X) == pytest.approx(model.score_samples(X).mean())
    assert model.score(X) > model.score(X + 5000)


def test_a_density_without_likelihood_gives_none():
    class Bare(GaussianMixture):
        score_samples = property()

    model = TableSampler(PCA(2), density=Bare()).fit(ring())
    assert not hasattr(model, "score_samples")
    assert model.sample(2).shape == (2, 4)


def holes(n_rows=300):
    table = mixed(n_rows)
    table.loc[table.index[::4], "litres"] = np.nan
    table.loc[table.index[::5], "size"] = None
    return table


def test_missing_cells_come_as_often_as_in_the_fit():
    model = make_pipeline(TableEncoder(), small(3))
    sampler = TableSampler(model, random_state=0).fit(holes())
    samples = sampler.sample(1000)
    shares = samples.isna().mean()
    assert_allclose(shares[["litres", "size"]], [0.25, 0.2], atol=0.1)
    assert_allclose(shares.drop(["litres", "size"]), 0)
    full = clone(sampler).set_params(residuals=None).fit(holes()).sample(50)
    assert not full.isna().any(axis=None)


def test_nested_parameters_and_clone():
    model = TableSampler(make_pipeline(StandardScaler(), PCA(2)), density=KDE)
    model.set_params(transformer__pca__n_components=3, density__bandwidth=0.5)
    copied = clone(model).fit(ring())
    assert copied.transformer_[1].n_components_ == 3
    assert copied.density_.bandwidth == 0.5
    assert not hasattr(copied.transformer, "n_features_in_")


def test_large_tables_keep_some_rows(monkeypatch):
    monkeypatch.setattr("sklearn_ae._table_sampler.MOST_ROWS", 50)
    model = TableSampler(PCA(2), random_state=0).fit(ring())
    assert len(model._residuals) == len(model._codes) == len(model._known) == 50
    X = ring()
    codes, kept = model.transformer_.transform(X), model._codes * model._scale
    assert np.abs(codes[:, None] - kept).max(axis=2).min(axis=0).max() < 1e-9
    assert model.sample(300).shape == (300, 4)


@pytest.mark.parametrize("residuals", ["bootstrap", None])
def test_file_gives_the_same_samples(residuals, tmp_path):
    model = make_pipeline(TableEncoder(), small(3))
    sampler = TableSampler(model, residuals=residuals, random_state=0).fit(holes())
    sampler.save(tmp_path / "file")
    loaded = sklearn_ae.load(tmp_path / "file")
    assert loaded.sample(30).equals(sampler.sample(30))
    assert_array_equal(loaded.score_samples(holes()), sampler.score_samples(holes()))


def test_file_does_not_hold_other_densities(tmp_path):
    model = TableSampler(PCA(2), density=KDE).fit(ring())
    with pytest.raises(TypeError, match="KernelDensity"):
        model.save(tmp_path / "file")


@pytest.mark.parametrize(
    "change",
    [
        {"_scale": np.array([1.0, -1.0])},
        {"_scale": np.ones(3)},
        {"_codes": np.ones((3, 2))},
        {"_residuals": np.ones((400, 3))},
        {"_are_indicators": np.zeros(4)},
        {"_are_discrete": np.zeros(3, dtype=bool)},
        {"_drawn": np.ones((5, 3))},
        {"_known": np.ones((0, 4))},
        {"density_": PCA(2)},
        {"transformer_": 3},
        {"transformer_": PCA(2).fit(np.eye(3))},
    ],
    ids=lambda change: str(*change),
)
def test_damaged_files_are_refused(change, tmp_path):
    model = TableSampler(PCA(2), random_state=0).fit(ring())
    model.__dict__.update(change)
    model.save(tmp_path / "file")
    with pytest.raises(ValueError, match="damaged"):
        sklearn_ae.load(tmp_path / "file")


def test_before_the_fit():
    model = TableSampler(PCA(2))
    with pytest.raises(NotFittedError):
        model.sample()
    with pytest.raises(NotFittedError):
        model.score_samples(ring())


def test_target_is_given_to_the_transformer():
    X, y = load_iris(return_X_y=True)
    augmenter = sklearn_ae.TargetAugmenter(random_state=0)
    model = TableSampler(make_pipeline(augmenter, PCA(2)), random_state=0).fit(X, y)
    assert model.transformer_[0].is_appended_.all()
    assert model.sample(3).shape == (3, 4)


@pytest.mark.parametrize(
    ("transformer", "X", "error", "message"),
    [
        (make_pipeline(Normalizer(), PCA(2)), ring(), TypeError, "Take steps that"),
        (PCA(2), mixed(), TypeError, "'size' holds categories, no numbers. Put Tab"),
        (PCA(2), mixed()[["sold"]], TypeError, "'sold' holds dates, no numbers."),
        (PCA(1), ring(1), ValueError, "n_samples=1, but a density needs 2"),
        (TableEncoder(), holes(), ValueError, "Let the last step be one that gives"),
    ],
    ids=["inverse", "categories", "dates", "row", "codes"],
)
def test_errors_name_the_remedy(transformer, X, error, message):
    with pytest.raises(error, match=re.escape(message)):
        TableSampler(transformer).fit(X)


def test_number_of_samples_is_checked():
    model = TableSampler(PCA(2)).fit(ring())
    with pytest.raises(ValueError, match="n_samples == 0, must be >= 1"):
        model.sample(0)
    with pytest.raises(TypeError, match="n_samples must be an instance"):
        model.sample(1.5)


def test_failed_fit_leaves_the_earlier_one():
    model = TableSampler(PCA(2), random_state=0).fit(ring())
    before = model.sample(5)
    with pytest.raises(ValueError, match="n_components"):
        model.set_params(transformer__n_components=9).fit(ring())
    assert_array_equal(model.sample(5), before)


def test_constant_columns_stay():
    X = np.column_stack([ring(), np.full(400, 7.0)])
    samples = TableSampler(PCA(3), random_state=0).fit(X).sample(10)
    assert_array_equal(samples[:, 4], 7.0)
