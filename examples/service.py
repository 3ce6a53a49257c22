"""A service that answers rows with codes and scores: FastAPI in front of onnxruntime.

    python examples/service.py            # on http://127.0.0.1:8000, until Ctrl-C
    curl -X POST http://127.0.0.1:8000/encode -H "content-type: application/json" \
        -d '{"rows": [{"age": 0.04, "bmi": 0.06, "bp": null, "s5": 0.02}]}'

It needs fastapi, uvicorn and the extra `onnx`.
"""

from typing import Annotated, Any

import numpy as np
import onnxruntime
from annotated_types import Len
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, create_model

MOST_ROWS = 10_000
MOST_MISTAKES = 10  # that an answer names


def create_app(model: bytes, columns: list[str]) -> FastAPI:
    """Return a service for a graph with one input of these columns, of numbers.

    What is not a list of at most `MOST_ROWS` rows, each of all columns, with numbers or
    null, is answered with status 422 and the places of the first mistakes.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # requests are what runs side by side
    session = onnxruntime.InferenceSession(model, options)
    (given,) = session.get_inputs()
    names = [output.name for output in session.get_outputs()]
    dtype = {"tensor(float)": np.float32, "tensor(double)": np.float64}[given.type]
    if given.shape[1] != len(columns):
        raise ValueError(f"The graph has {given.shape[1]} columns, not {len(columns)}.")
    # Names that Python would not take are fine, as they are aliases.
    kinds: dict[str, Any] = {
        f"c{i}": (FiniteFloat | None, Field(alias=name))
        for i, name in enumerate(columns)
    }
    strict = ConfigDict(extra="forbid", strict=True)
    row = create_model("Row", __config__=strict, **kinds)

    class Rows(BaseModel):
        model_config = ConfigDict(extra="forbid")
        rows: Annotated[list[row], Len(1, MOST_ROWS)]  # type: ignore[valid-type]

    app = FastAPI(title="Codes of rows")

    @app.exception_handler(RequestValidationError)
    def refuse(request: Request, error: RequestValidationError) -> JSONResponse:
        # Without the rows themselves, which may be a million.
        mistakes = [
            {"where": one["loc"][1:], "what": one["msg"]}
            for one in error.errors()[:MOST_MISTAKES]
        ]
        return JSONResponse({"mistakes": mistakes}, status_code=422)

    @app.post("/encode")
    def encode(body: Rows) -> Any:
        cells = [list(vars(one).values()) for one in body.rows]
        # null becomes NaN, which the graph imputes
        rows = np.array(cells, dtype=dtype)
        found = session.run(None, {given.name: rows})
        finite = [np.isfinite(part).all(axis=1) for part in found]
        if not np.all(finite):
            where = ["rows", int(np.argmin(np.all(finite, axis=0)))]
            what = "The row is empty, or its numbers are too large"
            return JSONResponse({"mistakes": [{"where": where, "what": what}]}, 422)
        return {name: part.tolist() for name, part in zip(names, found, strict=True)}

    return app


def example_app() -> FastAPI:
    """Return the service of an autoencoder of four measurements of patients."""
    from skl2onnx import to_onnx
    from sklearn.datasets import load_diabetes

    import sklearn_ae.onnx  # noqa: F401, for its converters
    from sklearn_ae import AutoencoderTransformer

    X = load_diabetes(as_frame=True).data[["age", "bmi", "bp", "s5"]]
    autoencoder = AutoencoderTransformer(2, random_state=0).fit(X.to_numpy())
    asked = {AutoencoderTransformer: {"score_samples": True}}
    model = to_onnx(autoencoder, X.to_numpy()[:1], options=asked)
    return create_app(model.SerializeToString(), list(X.columns))


if __name__ == "__main__":
    import uvicorn

    uvicorn.run(example_app())
