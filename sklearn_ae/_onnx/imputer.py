"""Missing cells of tables of numbers, filled by reconstructions."""

from numbers import Real
from typing import Any

import numpy as np
import torch

from sklearn_ae._onnx.autoencoder import GraphCodec
from sklearn_ae._onnx.graph import Graph, Symbol
from sklearn_ae._onnx.operators import Input, Inputs, as_rows
from sklearn_ae._onnx.table import decoded_numbers, write_table


def write_imputer(graph: Graph, model: Any, inputs: Inputs) -> dict[str, Symbol]:
    """Write what `AutoencoderImputer.transform` does."""
    if model.sample_posterior:
        raise NotImplementedError(
            "sample_posterior=True draws numbers; a graph cannot."
        )
    fit = getattr(model.estimator_, "_fit_result", None)
    if fit is None:
        name = type(model.estimator_).__name__
        raise NotImplementedError(
            f"Graphs impute by an AutoencoderTransformer alone, not by {name}."
        )
    exact = graph.beside(torch.float64)
    rows = as_rows(exact, [Input(one.symbol.on(exact), one.width) for one in inputs])
    missing = rows.isnan()
    marker = model.missing_values
    is_number = isinstance(marker, Real) and not isinstance(marker, bool | np.bool_)
    if is_number and marker == marker:
        equal = rows == float(marker)
        missing = exact.add("Or", missing, equal, dtype=torch.bool)
    observed = exact.where(missing, np.full((), np.nan), rows)
    observed = _columns(exact, observed, model._kept)
    table = [Input(observed, len(model._kept))]
    encoded = write_table(exact, model.encoder_, table)["variable"]
    is_nan = encoded.isnan().numbers()
    is_empty = is_nan.sum(axis=1, keepdims=True) == float(len(model._kept))
    encoded = exact.where(is_empty, np.zeros(()), encoded)
    codec = GraphCodec(exact, fit.codec)
    found = codec.outputs(encoded)["reconstruction"]
    found = decoded_numbers(exact, model.encoder_, found)
    if model.keep_empty_features:
        lacks = found.isnan()
        found = exact.where(lacks, np.zeros(()), found)
    kept = _columns(exact, rows, model._kept)
    parts = [exact.where(_columns(exact, missing, model._kept), found, kept)]
    if model.add_indicator and len(model._indicated):
        parts.append(_columns(exact, missing, model._indicated).numbers())
    filled = exact.add("Concat", *parts, axis=1)
    return {"variable": filled.on(graph).cast(graph.dtype)}


def _columns(graph: Graph, rows: Symbol, indices: Any) -> Symbol:
    """Return some columns of a matrix."""
    return graph.add("Gather", rows, graph.shape(*indices.tolist()), axis=1)
