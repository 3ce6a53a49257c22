"""The way back in ONNX, from codes to rows."""

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MinMaxScaler,
    PowerTransformer,
    StandardScaler,
)

from sklearn_ae import TableEncoder, TargetAugmenter

skl2onnx = pytest.importorskip("skl2onnx")
pytest.importorskip("sklearn_ae.onnx")

from sklearn_ae.onnx import to_onnx_inverse


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "before",
    [
        [],
        [StandardScaler()],
        [StandardScaler(with_std=False), MinMaxScaler()],
        [PCA(5)],
        [TableEncoder(column_weight=[2.0] + [1.0] * 11)],
        [TargetAugmenter(Ridge())],
        ["passthrough"],
    ],
    ids=str,
)
def test_rows_of_codes(before, dtype, curved, quick, run):
    pipeline = make_pipeline(*before, quick(2)).fit(curved, curved[:, 0] ** 2)
    codes = pipeline.transform(curved).astype(dtype)
    (found,) = run(to_onnx_inverse(pipeline, dtype=dtype), codes)
    assert found.dtype == dtype
    atol = 2e-6 if dtype == np.float32 else 1e-12
    assert_allclose(found, pipeline.inverse_transform(codes), rtol=0, atol=atol)


def test_integers_of_codes(quick, run):
    X = np.random.default_rng(0).integers(0, 50, (60, 4))
    pipeline = make_pipeline(TableEncoder(), quick(2)).fit(X)
    codes = pipeline.transform(X)
    (found,) = run(to_onnx_inverse(pipeline, dtype=np.float64), codes)
    assert_allclose(found, pipeline.inverse_transform(codes), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("before", "text"),
    [
        (PowerTransformer(), "PowerTransformer has no inverse in a graph"),
        (TableEncoder(categorical_features=[0]), "Only tables of numbers"),
    ],
)
def test_steps_without_a_way_back(before, text, curved, quick):
    pipeline = make_pipeline(before, quick(2)).fit(np.round(curved, 1))
    with pytest.raises(NotImplementedError, match=re.escape(text)):
        to_onnx_inverse(pipeline)


def test_wrong_arguments_of_the_way_back(curved, quick):
    ae = quick(2).fit(curved)
    with pytest.raises(ValueError, match=r"numpy.int64.* is not"):
        to_onnx_inverse(ae, dtype=np.int64)
    with pytest.raises(NotImplementedError, match="target_opset=17"):
        to_onnx_inverse(ae, target_opset=17)
