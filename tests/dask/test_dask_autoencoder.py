"""The autoencoder for arrays and frames of Dask, in threads of this process."""

import pickle
import re

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline

import sklearn_ae
from sklearn_ae._data import summary

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")
dd = pytest.importorskip("dask.dataframe")

from sklearn_ae._dask import autoencoder
from sklearn_ae.dask import AutoencoderTransformer


@pytest.fixture(autouse=True)
def synchronous():
    with dask.config.set(scheduler="synchronous"):
        yield


def quick(**params):
    return AutoencoderTransformer(max_iter=4, random_state=0, **params)


def local(X, **params):
    model = sklearn_ae.AutoencoderTransformer(max_iter=4, random_state=0, **params)
    return model.fit(X)


@pytest.fixture
def few_drawn(monkeypatch):
    """Let 300 rows be many."""
    monkeypatch.setattr(summary, "MOST_DRAWN", 300)


@pytest.mark.parametrize("chunks", [900, 100, (1, 0, 899), (450, 0, 450)])
def test_blocks_give_the_fit_of_the_array(bent, chunks):
    model = quick().fit(da.from_array(bent, chunks=(chunks, 6)))
    expected = local(bent).transform(bent)
    assert_array_equal(model.to_local().transform(bent), expected)


def test_columns_in_blocks_and_unknown_lengths(bent):
    X = da.from_array(bent, chunks=(300, 2))
    X = X[X[:, 0] > -10]
    assert np.isnan(X.shape[0])
    model = quick().fit(X)
    codes = model.transform(X)
    assert codes.numblocks == (3, 1)
    assert_allclose(
        codes.compute(), local(bent).transform(bent), rtol=1e-12, atol=1e-12
    )


def test_results_are_lazy_and_in_blocks(bent):
    X = da.from_array(bent.astype(np.float32), chunks=(300, 6))
    model = quick().fit(X)
    reference = local(bent.astype(np.float32))
    for method in ("transform", "score_samples"):
        found = getattr(model, method)(X)
        expected = getattr(reference, method)(bent.astype(np.float32))
        assert isinstance(found, da.Array)
        assert found.chunks[0] == (300, 300, 300)
        assert found.dtype == expected.dtype == found.compute().dtype
        assert_allclose(found.compute(), expected, rtol=1e-5, atol=1e-6)
    back = model.inverse_transform(model.transform(X))
    assert back.shape == X.shape
    assert back.dtype == np.float32 == back.compute().dtype


def test_score_is_that_of_all_rows(bent):
    X = da.from_array(bent, chunks=(250, 6))
    weight = np.random.default_rng(0).uniform(0, 2, 900)
    model, reference = quick().fit(X), local(bent)
    assert_allclose(model.score(X), reference.score(bent), rtol=1e-12, atol=1e-12)
    expected = reference.score(bent, sample_weight=weight)
    assert_allclose(
        model.score(X, sample_weight=weight), expected, rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize("kind", ["array", "dask", "other chunks", "series"])
def test_weights(bent, kind):
    weight = np.random.default_rng(0).integers(0, 3, 900).astype(float)
    weight[:300] = 0  # a whole block
    X = da.from_array(bent, chunks=(300, 6))
    given = {
        "array": lambda: weight,
        "dask": lambda: da.from_array(weight, chunks=300),
        "other chunks": lambda: da.from_array(weight, chunks=70),
        "series": lambda: dd.from_pandas(pd.Series(weight), npartitions=2),
    }[kind]()
    model = quick().fit(X, sample_weight=given)
    reference = sklearn_ae.AutoencoderTransformer(max_iter=4, random_state=0)
    reference.fit(bent, sample_weight=weight)
    expected = reference.transform(bent)
    assert_allclose(model.to_local().transform(bent), expected, rtol=1e-12, atol=1e-12)


def test_frames_stay_frames(bent):
    frame = pd.DataFrame(bent, columns=list("abcdef"))
    table = dd.from_pandas(frame, npartitions=3)
    model, reference = quick().fit(table), local(frame)
    assert model.feature_names_in_.tolist() == list("abcdef")
    codes = model.transform(table).compute()
    assert codes.columns.tolist() == reference.get_feature_names_out().tolist()
    assert_array_equal(codes.index, frame.index)
    assert_allclose(codes, reference.transform(frame), rtol=1e-12, atol=1e-12)
    back = model.inverse_transform(model.transform(table)).compute()
    assert back.columns.tolist() == list("abcdef")
    scores = model.score_samples(table).compute()
    assert_allclose(scores, reference.score_samples(frame), rtol=1e-9)
    assert_allclose(model.score(table), reference.score(frame), rtol=1e-12, atol=1e-12)


def test_many_rows_have_the_pca_of_all(bent, few_drawn):
    X = da.from_array(bent, chunks=(100, 6))
    model = quick(n_components=2).fit(X)
    start = model._fit_result.start
    pca = PCA(2).fit(bent)
    assert_allclose(np.abs(start.components @ pca.components_.T), np.eye(2), atol=1e-9)
    assert_allclose(model.mean_, bent.mean(axis=0), rtol=1e-12, atol=1e-12)
    assert model.score(X) >= pca.explained_variance_ratio_.sum()


def test_blocks_do_not_change_which_rows_are_drawn(bent, few_drawn):
    codes = []
    for chunks in (900, 77, (1, 899)):
        model = quick().fit(da.from_array(bent, chunks=(chunks, 6)))
        codes.append(model.to_local().transform(bent))
    # Sums over blocks differ in their last bits.
    assert_allclose(codes[1], codes[0], rtol=1e-5, atol=1e-5)
    assert_allclose(codes[2], codes[0], rtol=1e-5, atol=1e-5)


def test_missing_cells(bent):
    X = bent.copy()
    X[::7, 2] = np.nan
    model = quick().fit(da.from_array(X, chunks=(300, 6)))
    assert_array_equal(model.to_local().transform(X), local(X).transform(X))


def with_block(X, number, change):
    """Change one of three blocks."""
    parts = np.split(X.copy(), 3)
    parts[number] = change(parts[number])
    arrays = [da.from_array(part, chunks=part.shape) for part in parts]
    whole = da.concatenate(arrays)
    return whole


def infinite(block):
    block[5, 1] = np.inf
    return block


def empty_row(block):
    block[5] = np.nan
    return block


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (infinite, "Block 1 of X, from row 300 on: Input X contains infinity"),
        (empty_row, "Block 1 of X, from row 300 on: X has 1 rows in which every value"),
    ],
)
def test_errors_name_the_block(bent, change, message):
    X = with_block(bent, 1, change)
    with pytest.raises(ValueError, match=re.escape(message)):
        quick().fit(X)
    model = quick().fit(da.from_array(bent, chunks=(300, 6)))
    with pytest.raises(ValueError, match=re.escape("Block 1 of X: ")):
        model.transform(X).compute()
    with pytest.raises(ValueError, match=re.escape("Block 1 of X, from row 300 on: ")):
        model.score(X)


def test_a_block_of_other_columns_is_named(bent):
    later = [dask.delayed(bent[:300]), dask.delayed(bent[300:, :4])]
    arrays = [
        da.from_delayed(part, (n, 6), float)
        for part, n in zip(later, (300, 600), strict=True)
    ]
    message = "Block 1 of X, from row 300 on: it has 4 columns, not 6."
    with pytest.raises(ValueError, match=re.escape(message)):
        quick().fit(da.concatenate(arrays))


def test_a_part_of_other_names_is_named(bent):
    frame = pd.DataFrame(bent, columns=list("abcdef"))
    parts = [dask.delayed(frame[:400]), dask.delayed(frame[400:][list("bacdef")])]
    table = dd.from_delayed(parts, meta=frame[:0], verify_meta=False)
    message = "Block 1 of X, from row 400 on: it has the columns ['b', 'a', "
    with pytest.raises(ValueError, match=re.escape(message)):
        quick().fit(table)


def test_errors_of_shapes(bent):
    X = da.from_array(bent, chunks=(300, 6))
    with pytest.raises(ValueError, match="X has 1 dimensions, but 2 are needed"):
        quick().fit(X[:, 0])
    with pytest.raises(ValueError, match=re.escape("sample_weight has the shape (5,)")):
        quick().fit(X, sample_weight=np.ones(5))
    model = quick().fit(X)
    with pytest.raises(ValueError, match="X has 4 features, but AutoencoderTransf"):
        model.transform(X[:, :4])
    with pytest.raises(ValueError, match="out cannot be used with Dask"):
        model.transform(X, out=np.empty((900, 2)))
    with pytest.raises(ValueError, match="Found array with 1 sample"):
        quick().fit(X[:1])


def test_a_failed_fit_changes_nothing(bent):
    X = da.from_array(bent, chunks=(300, 6))
    model = quick().fit(X)
    before = model.transform(X).compute()
    with pytest.raises(ValueError, match="infinity"):
        model.fit(with_block(bent, 0, infinite))
    assert_array_equal(model.transform(X).compute(), before)


def test_it_is_an_estimator(bent, tmp_path):
    X = da.from_array(bent, chunks=(300, 6))
    model = clone(quick(n_components=3))
    assert model.get_params() == quick(n_components=3).get_params()
    pipeline = make_pipeline(model).fit(X)
    assert pipeline.transform(X).shape == (900, 3)
    fitted = pipeline[-1]
    again = pickle.loads(pickle.dumps(fitted))
    expected = fitted.transform(X).compute()
    assert_array_equal(again.transform(X).compute(), expected)
    sklearn_ae.save(fitted.to_local(), tmp_path / "model")
    loaded = sklearn_ae.load(tmp_path / "model")
    assert_allclose(loaded.transform(bent), expected, rtol=1e-12, atol=1e-12)


def test_arrays_are_taken_too(bent):
    model = quick().fit(bent)
    reference = local(bent)
    assert_array_equal(model.transform(bent), reference.transform(bent))
    assert model.score(bent) == reference.score(bent)
    codes = reference.transform(bent)
    expected = reference.inverse_transform(codes)
    assert_array_equal(model.inverse_transform(codes), expected)
    assert_array_equal(model.score_samples(bent), reference.score_samples(bent))


def test_the_model_is_one_task_of_the_graph(bent):
    X = da.from_array(bent, chunks=(30, 6))
    model = quick().fit(X)
    for lazy in (model.transform(X), model.score_samples(X)):
        graph = dict(lazy.__dask_graph__())
        loads = [key for key in graph if str(key).startswith("loads")]
        assert len(loads) == 1
        sizes = [len(pickle.dumps(graph[key])) for key in graph if key not in loads]
        assert max(sizes) < 50_000 < len(pickle.dumps(graph[loads[0]]))


def test_rows_of_weight_zero_are_not_counted_for_the_draw(bent, monkeypatch):
    monkeypatch.setattr(summary, "MOST_DRAWN", 100)
    weight = np.zeros(900)
    weight[::3] = 1
    drawn, fitted = [], autoencoder._fitted

    def counted(draft, whole):
        drawn.append(len(whole.drawn))
        return fitted(draft, whole)

    monkeypatch.setattr(autoencoder, "_fitted", counted)
    quick().fit(da.from_array(bent, chunks=(100, 6)), sample_weight=weight)
    assert drawn == [100]


def test_generators_draw_the_seed_of_the_array(bent):
    X = da.from_array(bent, chunks=(300, 6))
    given = np.random.RandomState(5), np.random.RandomState(5)
    model = AutoencoderTransformer(max_iter=2, random_state=given[0]).fit(X)
    reference = sklearn_ae.AutoencoderTransformer(max_iter=2, random_state=given[1])
    reference.fit(bent)
    codes = model.to_local().transform(bent)
    assert_array_equal(codes, reference.transform(bent))
    assert given[0].randint(1000) == given[1].randint(1000)


def test_warm_start_goes_on(bent):
    X = da.from_array(bent, chunks=(300, 6))
    model = quick(warm_start=True).fit(X).fit(X)
    reference = local(bent, warm_start=True).fit(bent)
    assert model.loss_curve_ == reference.loss_curve_


def test_output_that_is_set_changes_nothing(bent):
    X = da.from_array(bent, chunks=(300, 6))
    model = quick().fit(X)
    expected = model.transform(X).compute()
    with config_context(transform_output="pandas"):
        codes = model.transform(X)
        assert isinstance(codes, da.Array)
        assert_array_equal(codes.compute(), expected)


@pytest.mark.parametrize(
    "index",
    [
        pd.date_range("2026-01-01", periods=900, name="when"),
        pd.Index([f"{i:03}" for i in range(900)], name="key"),
    ],
    ids=["dates", "strings"],
)
def test_index_and_single_precision_of_frames_stay(bent, index):
    frame = pd.DataFrame(bent.astype(np.float32), columns=list("abcdef"), index=index)
    table = dd.from_pandas(frame, npartitions=3)
    model = quick().fit(table)
    codes = model.transform(table)
    assert codes.dtypes.tolist() == [np.float32, np.float32]
    found = codes.compute()
    assert found.dtypes.tolist() == [np.float32, np.float32]
    assert found.index.tolist() == index.tolist()
    columns = codes.reset_index().columns.tolist()
    assert columns == found.reset_index().columns.tolist()
    assert columns[0] == index.name


def test_what_dask_has_no_place_for_is_refused(bent):
    X = da.from_array(bent, chunks=(300, 6))
    with pytest.raises(TypeError, match="partial_fit takes rows in memory"):
        quick().partial_fit(X)
    table = dd.from_pandas(pd.DataFrame(index=range(5)), npartitions=1)
    with pytest.raises(ValueError, match="X has 0 columns"):
        quick().fit(table)
    model = quick().fit(X)
    with pytest.raises(ValueError, match="X has 0 rows"):
        model.score(X[:0])


def test_streams_are_left_behind(bent):
    model = quick()
    model.partial_fit(bent[:100]).partial_fit(bent[100:])
    assert model.n_samples_seen_ == 900
    assert not hasattr(model.to_local(), "_stream")
