"""The autoencoder in ONNX gives the numbers of `transform`."""

import logging
import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import StandardScaler
from torch import nn

from sklearn_ae import AutoencoderTransformer, TableEncoder

skl2onnx = pytest.importorskip("skl2onnx")
pytest.importorskip("sklearn_ae.onnx")

TOLERANCES = {np.float32: 1e-5, np.float64: 1e-12}


def assert_close(found, wanted, dtype):
    """Compare in units of what is wanted."""
    assert found.dtype == dtype
    assert_allclose(found, wanted, rtol=0, atol=TOLERANCES[dtype] * wanted.std())


class Bounded(nn.Module):
    """Layers that the built-in network lacks."""

    def __init__(self, n_features, n_components):
        super().__init__()
        self.encode = nn.Sequential(
            nn.Linear(n_features, 16),
            nn.BatchNorm1d(16),
            nn.GELU(),
            nn.Dropout(0.1),
            nn.Linear(16, n_components),
        )
        self.decode = nn.Sequential(
            nn.Linear(n_components, 16), nn.ELU(), nn.Linear(16, n_features)
        )


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize(
    "parameters",
    [
        {"transform_max_iter": 0},
        {"transform_max_iter": 1},
        {"transform_max_iter": 3},
        {"hidden_layer_sizes": ()},
        {"hidden_layer_sizes": (8, 4), "activation": "tanh"},
        {"activation": "relu"},
        {"activation": "logistic"},
        {"activation": "identity"},
        {"whiten": True},
        {"nested_dropout": 0.5},
        {"init": "random"},
        {"init": "random", "code_activation": "relu", "code_penalty": 0.01},
        {"module": Bounded},
        {"module": Bounded, "init": "random"},
    ],
    ids=str,
)
def test_codes_and_reconstructions_are_those_of_the_estimator(
    parameters, dtype, curved, quick, run
):
    X = curved.astype(dtype)
    ae = quick(2, max_iter=10, **parameters).fit(X)
    options = {AutoencoderTransformer: {"reconstruction": True, "score_samples": True}}
    model = skl2onnx.to_onnx(ae, X[:1], options=options)
    assert [output.name for output in model.graph.output] == [
        "codes",
        "reconstruction",
        "score_samples",
    ]
    for rows in (X, X[:1]):
        codes, reconstruction, scores = run(model, rows)
        wanted = ae.transform(rows)
        # Graphs have networks of users in float32, in which `transform` rounds as well.
        exact = ae.transform(rows.astype(np.float64))
        rounding = np.abs(wanted - exact).max()
        tolerance = TOLERANCES[np.float32 if "module" in parameters else dtype]
        atol = tolerance * ae.transform(X).std() + 20 * rounding
        assert_allclose(codes, wanted, rtol=0, atol=atol)
        back = ae.inverse_transform(codes)
        assert_allclose(reconstruction, back, rtol=0, atol=10 * tolerance)
        lost = -((rows - back) ** 2).sum(axis=1)
        assert_allclose(scores, lost[:, None], rtol=1e-3 if tolerance > 1e-9 else 1e-9)
    assert [part.shape for part in run(model, X[:0])] == [(0, 2), (0, 12), (0, 1)]


@pytest.mark.parametrize("dtype", TOLERANCES)
def test_bounded_reconstructions_stay_between_0_and_1(dtype, curved, quick, run):
    X = ((curved - curved.min()) / np.ptp(curved)).astype(dtype)
    ae = quick(2, output_activation="logistic", max_iter=10).fit(X)
    options = {AutoencoderTransformer: {"reconstruction": True}}
    codes, found = run(skl2onnx.to_onnx(ae, X[:1], options=options), X)
    assert_close(codes, ae.transform(X), dtype)
    assert_close(found, ae.inverse_transform(ae.transform(X)), dtype)
    assert found.min() >= 0.0
    assert found.max() <= 1.0


@pytest.mark.parametrize("opset", [18, 19, 20, 21, 22])
@pytest.mark.parametrize("module", [None, Bounded])
def test_versions_of_operators(opset, module, curved, quick, codes_of):
    ae = quick(2, module=module).fit(curved)
    found = codes_of(ae, curved, target_opset=opset)
    wanted = ae.transform(curved)
    assert_allclose(found, wanted, atol=1e-5 * wanted.std(), rtol=0)


@pytest.mark.filterwarnings("ignore:Parameter target_opset 23")
@pytest.mark.parametrize("opset", [17, 23])
def test_other_versions_of_operators_are_refused(opset, curved, quick):
    with pytest.raises(NotImplementedError, match=f"target_opset={opset} is not"):
        skl2onnx.to_onnx(quick(2).fit(curved), curved[:1], target_opset=opset)


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("shared", [0.0, 0.3, 0.7])
def test_missing_cells_are_imputed(dtype, shared, curved, quick, codes_of):
    X = curved.astype(dtype)
    rng = np.random.default_rng(0)
    X[rng.random(X.shape) < shared] = np.nan
    X[:, 0] = curved[:, 0]  # a row without any value is refused
    ae = quick(2, max_iter=10).fit(X)
    for rows in (X, X[5:6], curved.astype(dtype)):
        apart = np.abs(codes_of(ae, rows) - ae.transform(rows)).max(axis=1)
        apart /= TOLERANCES[dtype] * ae.transform(X).std()
        # How much of a step is taken that gains next to nothing is a matter of rounding
        # in float32.
        assert np.mean(apart > 1) <= 0.01
        assert apart.max() <= (20 if dtype is np.float32 else 1)


@pytest.mark.parametrize("scale", [1e-25, 1.0, 1e22])
def test_scores_of_float32_rows_are_float64(scale, curved, quick, run):
    X = (scale * curved).astype(np.float32)
    ae = quick(2).fit(X)
    options = {AutoencoderTransformer: {"score_samples": True}}
    _, scores = run(skl2onnx.to_onnx(ae, X[:1], options=options), X)
    assert scores.dtype == np.float64
    assert_allclose(scores[:, 0], ae.score_samples(X), rtol=1e-2)


def test_few_incomplete_rows_among_many(curved, quick, codes_of):
    X = curved.copy()
    X[7, 2:5] = X[100, 0] = np.nan
    ae = quick(2).fit(curved)
    assert_close(codes_of(ae, X), ae.transform(X), np.float64)


def test_scores_of_rows_with_missing_cells(curved, quick, run):
    X = curved.copy()
    X[::3, 1] = np.nan
    ae = quick(2).fit(X)
    options = {AutoencoderTransformer: {"score_samples": True}}
    _, scores = run(skl2onnx.to_onnx(ae, X[:1], options=options), X)
    assert_allclose(scores[:, 0], ae.score_samples(X), rtol=1e-9)


def test_offsets_that_float32_cannot_hold(curved, quick, codes_of):
    """Means are taken off in two parts, as `transform` does."""
    X = (curved + 1000).astype(np.float32)
    ae = quick(2, max_iter=10).fit(X)
    found, wanted = codes_of(ae, X), ae.transform(X)
    assert_allclose(found, wanted, rtol=0, atol=1e-5 * wanted.std())


def test_correction_in_a_leading_subspace(wide_linear, quick, codes_of):
    X = wide_linear + 0.3 * np.tanh(wide_linear[:, :1] * wide_linear[:, 1:2])
    ae = quick(2, max_iter=10).fit(X)
    assert ae.net_.module_.subspace is not None
    assert_close(codes_of(ae, X), ae.transform(X), np.float64)


def test_pca_alone(noise, codes_of):
    ae = AutoencoderTransformer(2, max_iter=3, random_state=0).fit(noise)
    assert ae.shrinkage_ == 0
    assert_close(codes_of(ae, noise), ae.transform(noise), np.float64)


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
def test_integers_become_float64(dtype, quick, codes_of):
    X = np.random.default_rng(0).integers(0, 50, (60, 4)).astype(dtype)
    ae = quick(2).fit(X)
    assert_close(codes_of(ae, X), ae.transform(X), np.float64)


@pytest.mark.parametrize("dtype", TOLERANCES)
def test_pipeline_with_a_regressor(dtype, curved, quick, codes_of):
    X, y = curved.astype(dtype), curved[:, 0] ** 2
    pipeline = make_pipeline(StandardScaler(), quick(2), LinearRegression()).fit(X, y)
    assert_close(codes_of(pipeline, X), pipeline.predict(X)[:, None], dtype)


def test_pipeline_with_a_classifier(curved, quick, run):
    y = curved[:, 0] > 0.5
    pipeline = make_pipeline(quick(2), LogisticRegression()).fit(curved, y)
    model = skl2onnx.to_onnx(pipeline, curved[:1], options={"zipmap": False})
    label, probability = run(model, curved)
    assert (label.astype(bool) == pipeline.predict(curved)).all()
    assert_allclose(probability, pipeline.predict_proba(curved), atol=1e-6)


def test_column_transformer(curved, quick, codes_of):
    parts = make_column_transformer(
        (StandardScaler(), [0, 1, 2]),
        (make_pipeline(StandardScaler(), quick(2)), [5, 3, 4, 7]),
        (quick(1), slice(8, 12)),
        remainder="drop",
    ).fit(curved)
    assert_close(codes_of(parts, curved), parts.transform(curved), np.float64)


@pytest.mark.parametrize(
    "before",
    [
        PCA(5),
        make_column_transformer((StandardScaler(), [0, 1]), remainder="passthrough"),
        make_union(StandardScaler(), PCA(3)),
    ],
    ids=lambda one: type(one).__name__,
)
def test_steps_of_scikit_learn_in_front(before, curved, quick, codes_of):
    """Names of nodes are not those of other converters."""
    pipeline = make_pipeline(before, quick(2)).fit(curved)
    assert_close(codes_of(pipeline, curved), pipeline.transform(curved), np.float64)


def test_two_autoencoders_one_after_the_other(curved, quick, codes_of):
    pipeline = make_pipeline(quick(4), quick(2)).fit(curved)
    assert_close(codes_of(pipeline, curved), pipeline.transform(curved), np.float64)


def test_more_outputs_are_refused_before_another_step(curved, quick):
    pipeline = make_pipeline(quick(2), LinearRegression()).fit(curved, curved[:, 0])
    options = {AutoencoderTransformer: {"score_samples": True}}
    with pytest.raises(NotImplementedError, match="the last step of a pipeline alone"):
        skl2onnx.to_onnx(pipeline, curved[:1], options=options)


@pytest.mark.parametrize("scaled", [False, True])
def test_columns_in_another_order_are_refused(scaled, curved, quick):
    df = pd.DataFrame(curved, columns=[f"x{i}" for i in range(12)])
    model = make_pipeline(TableEncoder(), quick(2)) if scaled else quick(2)
    text = "Input 0 of the graph is 'x1', but .* was fitted to 'x0' there"
    with pytest.raises(ValueError, match=text):
        skl2onnx.to_onnx(model.fit(df), df[["x1", "x0", *df.columns[2:]]][:1])


def test_unfitted_estimators_are_refused(curved, quick):
    with pytest.raises(NotFittedError):
        skl2onnx.to_onnx(quick(2), curved[:1])


def test_other_numbers_of_columns_are_refused(curved, quick):
    text = "was fitted to 12 columns, but the inputs of the graph have 5"
    with pytest.raises(ValueError, match=re.escape(text)):
        skl2onnx.to_onnx(quick(2).fit(curved), curved[:1, :5])


def test_text_is_refused(curved, quick):
    kind = skl2onnx.common.data_types.StringTensorType([None, 12])
    with pytest.raises(TypeError, match="Encode it in a step before"):
        skl2onnx.to_onnx(quick(2).fit(curved), initial_types=[("X", kind)])


class Tokens(nn.Module):
    """Layers whose products have three axes, and inputs that are left out."""

    def __init__(self, n_features, n_components):
        super().__init__()
        self.embed, self.read = nn.Linear(1, 4), nn.GRU(4, 5, batch_first=True)
        self.out = nn.Linear(5, n_components)
        self.decode = nn.Linear(n_components, n_features)

    def encode(self, x):
        return self.out(self.read(self.embed(x[:, :, None]))[0][:, -1])


def test_network_of_tokens(curved, quick, codes_of):
    ae = quick(2, module=Tokens, init="random").fit(curved)
    found, wanted = codes_of(ae, curved), ae.transform(curved)
    # onnxruntime's cells approximate their activations.
    assert_allclose(found, wanted, rtol=0, atol=5e-3 * wanted.std())


def test_networks_are_exported_in_threads(curved, quick):
    logger = logging.getLogger("torch.onnx._internal.exporter._registration")
    before = logger.disabled
    ae = quick(2, module=Bounded).fit(curved)

    def convert(_):
        return skl2onnx.to_onnx(ae, curved[:1]).SerializeToString()

    with ThreadPoolExecutor(3) as pool:
        assert len(set(pool.map(len, pool.map(convert, range(3))))) == 1
    assert logger.disabled is before


@pytest.mark.parametrize("init", ["pca", "random"])
def test_network_that_torch_cannot_export_is_named(init, curved, quick):
    class Strange(Bounded):
        def __init__(self, n_features, n_components):
            super().__init__(n_features, n_components)
            self.inner = self._modules.pop("encode")

        def encode(self, x):
            return self.inner(x) if float(x.detach().sum()) < 1e9 else self.inner(-x)

    ae = quick(2, module=Strange, init=init).fit(curved)
    with pytest.raises(NotImplementedError, match=r"module.encode of Strange cannot"):
        skl2onnx.to_onnx(ae, curved[:1])


def test_conversion_changes_nothing(curved, quick):
    for module in (None, Bounded):
        ae = quick(2, module=module).fit(curved)
        before = ae.transform(curved)
        skl2onnx.to_onnx(ae, curved[:1].astype(np.float32))
        assert (ae.transform(curved) == before).all()
