"""The page to touch has all that it needs in it, and its model is the estimator."""

import base64
import gzip
import json
import re

import numpy as np
import pytest
from numpy.testing import assert_allclose

pytest.importorskip("skl2onnx")
onnxruntime = pytest.importorskip("onnxruntime")

from sklearn.datasets import load_digits

from docs.build_explorer import MOST_BYTES, page
from sklearn_ae import AutoencoderTransformer

FILES = {"runtime": "ort.wasm.bundle.min.mjs", "wasm": "ort-wasm-simd-threaded.wasm"}
ADDRESSES = re.compile(r'[\w-]*="https?://[^/]*|https?://[^/]*')


@pytest.fixture(scope="module")
def autoencoder():
    return AutoencoderTransformer(2, max_iter=2, random_state=0)


@pytest.fixture(scope="module")
def runtime(tmp_path_factory):
    """Return a folder as that of onnxruntime-web, with less in its files."""
    folder = tmp_path_factory.mktemp("dist")
    for name in FILES.values():
        (folder / name).write_bytes(name.encode())
    return folder


@pytest.fixture(scope="module")
def text(runtime, autoencoder):
    return page(runtime, autoencoder)


def block(text, name):
    """Return what is in one of the page's blocks of data."""
    found = re.search(rf'<script id="{name}"[^>]*>([^<]*)</script>', text)
    return found.group(1)


def unpack(text, name):
    return gzip.decompress(base64.b64decode(block(text, name)))


def test_the_model_draws_what_inverse_transform_does(text, autoencoder):
    codes = np.array(json.loads(block(text, "digits"))["codes"], dtype=np.float32)
    session = onnxruntime.InferenceSession(unpack(text, "model"))
    drawn = session.run(None, {"codes": codes})[0]
    assert_allclose(drawn, autoencoder.inverse_transform(codes), rtol=0, atol=1e-3)


def test_digits_stand_at_their_codes_and_were_not_fitted(text, autoencoder):
    digits = json.loads(block(text, "digits"))
    rows = np.array(digits["rows"], dtype=np.float32)
    assert_allclose(autoencoder.transform(rows), digits["codes"], rtol=0, atol=1e-3)
    X = load_digits().data
    others = (X.sum(axis=0) - rows.sum(axis=0)) / (len(X) - len(rows))
    assert_allclose(autoencoder.mean_, others, atol=1e-5)
    assert f"explain {autoencoder.score(rows):.0%}" in " ".join(text.split())


def test_codes_of_pca_mean_what_the_others_do(text):
    digits = json.loads(block(text, "digits"))
    rows = np.array(digits["rows"]) - digits["mean"]
    codes = rows @ np.transpose(digits["components"])
    for ours, theirs in zip(np.transpose(digits["codes"]), codes.T, strict=True):
        assert np.corrcoef(ours, theirs)[0, 1] > 0.7


def test_the_runtime_is_in_the_page(text):
    for name, file in FILES.items():
        assert unpack(text, name) == file.encode()


def test_the_page_loads_nothing(text):
    assert "default-src 'none'" in text
    assert set(ADDRESSES.findall(text)) == {'href="https://github.com'}
    assert "src=" not in text
    assert re.findall(r'<link[^>]*href="([^"]*)"', text) == ["data:,"]


def test_a_page_that_is_too_large_is_refused(runtime, autoencoder, tmp_path):
    noise = np.random.RandomState(0).bytes(MOST_BYTES)
    for name in FILES.values():
        (tmp_path / name).write_bytes(noise)
    with pytest.raises(ValueError, match=f"at most {MOST_BYTES}"):
        page(tmp_path, autoencoder)
