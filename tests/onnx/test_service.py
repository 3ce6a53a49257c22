"""The service of the examples answers, and refuses what it is not made for."""

import asyncio
import importlib.util
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_diabetes

from sklearn_ae import AutoencoderTransformer

httpx = pytest.importorskip("httpx")
pytest.importorskip("fastapi")
skl2onnx = pytest.importorskip("skl2onnx")

EXAMPLE = Path(__file__).parents[2] / "examples" / "service.py"
COLUMNS = ["age", "bmi", "bp", "s5"]
ROW = {"age": 0.04, "bmi": 0.06, "bp": 0.02, "s5": -0.01}


@pytest.fixture(scope="module")
def service():
    spec = importlib.util.spec_from_file_location("service", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def app(service):
    return service.example_app()


def post(app, **given):
    """Return the status and the body of an answer."""

    async def ask():
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport) as client:
            return await client.post("http://test/encode", **given)

    answer = asyncio.run(ask())
    return answer.status_code, answer.json()


def test_codes_are_those_of_the_estimator(app):
    X = load_diabetes(as_frame=True).data[COLUMNS]
    ae = AutoencoderTransformer(2, random_state=0).fit(X.to_numpy())
    rows = X[:20].to_dict("records")
    rows[3]["bp"] = None
    status, found = post(app, json={"rows": rows})
    assert status == 200
    wanted = X[:20].to_numpy(copy=True)
    wanted[3, 2] = np.nan
    assert_allclose(found["codes"], ae.transform(wanted), rtol=1e-9, atol=1e-12)
    scores = np.ravel(found["score_samples"])
    assert_allclose(scores, ae.score_samples(wanted), rtol=1e-9)


@pytest.mark.parametrize(
    ("row", "where", "what"),
    [
        ({"bmi": 1.0, "bp": 1.0, "s5": 1.0}, "age", "Field required"),
        (ROW | {"age": "x"}, "age", "a valid number"),
        (ROW | {"age": True}, "age", "a valid number"),
        (ROW | {"sex": 1.0}, "sex", "Extra inputs are not permitted"),
    ],
)
def test_mistakes_are_named(row, where, what, app):
    status, found = post(app, json={"rows": [ROW, row]})
    assert status == 422
    assert found["mistakes"][0]["where"] == ["rows", 1, where]
    assert what in found["mistakes"][0]["what"]


@pytest.mark.parametrize("cell", ["NaN", "Infinity", "1e999"])
def test_numbers_that_are_none(cell, app):
    content = '{"rows": [{"age": CELL, "bmi": 1, "bp": 1, "s5": 1}]}'
    content = content.replace("CELL", cell)
    headers = {"content-type": "application/json"}
    status, found = post(app, content=content, headers=headers)
    assert status == 422
    assert "finite" in found["mistakes"][0]["what"]


def test_names_that_python_would_not_take(service, quick):
    columns = ["_a", "model_config", "blood pressure"]
    X = np.random.default_rng(0).standard_normal((60, 3)).astype(np.float32)
    ae = quick(2).fit(X)
    model = skl2onnx.to_onnx(ae, X[:1]).SerializeToString()
    app = service.create_app(model, columns)
    rows = [dict(zip(columns, row, strict=True)) for row in X[:5].tolist()]
    status, found = post(app, json={"rows": rows})
    assert status == 200
    assert_allclose(found["codes"], ae.transform(X[:5]), atol=1e-4)
    with pytest.raises(ValueError, match="The graph has 3 columns, not 2"):
        service.create_app(model, columns[:2])


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ({"rows": []}, "at least 1 item"),
        ({"rows": [ROW] * 10_001}, "at most 10000 items"),
        ({}, "Field required"),
        ({"rows": [ROW], "more": 1}, "Extra inputs are not permitted"),
        ({"rows": [ROW, dict.fromkeys(COLUMNS)]}, "The row is empty"),
        ({"rows": [ROW, ROW | {"age": 1e308}]}, "too large"),
    ],
)
def test_other_bodies(body, what, app):
    status, found = post(app, json=body)
    assert status == 422
    assert what in found["mistakes"][0]["what"]
    assert len(str(found)) < 500  # rows are not sent back
