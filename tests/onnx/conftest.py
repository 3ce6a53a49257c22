"""Graphs of ONNX, run by onnxruntime."""

import numpy as np
import pytest


@pytest.fixture
def run():
    """Return a function that checks a model, and returns its outputs for rows."""
    onnx, runtime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")

    def run(model, feeds):
        onnx.checker.check_model(model, full_check=True)
        session = runtime.InferenceSession(model.SerializeToString())
        if isinstance(feeds, np.ndarray):
            feeds = {session.get_inputs()[0].name: feeds}
        return session.run(None, feeds)

    return run


@pytest.fixture
def codes_of(run):
    """Return a function that converts an estimator, and encodes rows."""
    skl2onnx = pytest.importorskip("skl2onnx")
    pytest.importorskip("sklearn_ae.onnx")

    def codes_of(estimator, rows, **given):
        return run(skl2onnx.to_onnx(estimator, rows[:1], **given), rows)[0]

    return codes_of
