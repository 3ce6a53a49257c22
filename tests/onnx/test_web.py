"""The same graph in onnxruntime-web, as in a browser.

It needs node and, in a folder above or in NODE_PATH, `npm install onnxruntime-web`.
"""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

skl2onnx = pytest.importorskip("skl2onnx")
to_onnx_inverse = pytest.importorskip("sklearn_ae.onnx").to_onnx_inverse

SCRIPT = Path(__file__).with_name("web.cjs")


@pytest.fixture(scope="module")
def node():
    """Return node if it finds onnxruntime-web."""
    path = shutil.which("node")
    if path is None:
        pytest.skip("node is not installed")
    asked = [path, "-e", "require.resolve('onnxruntime-web')"]
    if subprocess.run(asked, cwd=SCRIPT.parent, capture_output=True).returncode:
        pytest.skip("onnxruntime-web is not installed")
    return path


def asked(node, model, path, rows, dtype):
    """Return what a model answers in onnxruntime-web."""
    path.write_bytes(model.SerializeToString())
    rows = np.where(np.isnan(rows), None, rows.astype(object)).tolist()
    answer = subprocess.run(
        [node, SCRIPT, path],
        input=json.dumps({"rows": rows, "type": dtype}),
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(answer.stdout)
    return np.reshape(found["codes"], found["shape"])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_codes_in_a_browser_are_those_of_the_estimator(
    dtype, node, curved, quick, tmp_path
):
    X = curved.astype(dtype)
    X[::7, 3] = np.nan
    ae = quick(2, max_iter=10, transform_max_iter=1).fit(X)
    codes = asked(node, skl2onnx.to_onnx(ae, X[:1]), tmp_path / "model.onnx", X, dtype)
    wanted = ae.transform(X)
    tolerance = 1e-4 if dtype == "float32" else 1e-6  # of its exponential function
    assert_allclose(codes, wanted, rtol=0, atol=tolerance * wanted.std())


def test_rows_drawn_in_a_browser_are_those_of_the_estimator(
    node, curved, quick, tmp_path
):
    X = curved.astype(np.float32)
    ae = quick(2, max_iter=10).fit(X)
    codes = ae.transform(X)
    model = to_onnx_inverse(ae, dtype=np.float32)
    drawn = asked(node, model, tmp_path / "model.onnx", codes, "float32")
    assert_allclose(drawn, ae.inverse_transform(codes), rtol=0, atol=1e-4)
