"""Missing cells of tables, filled by reconstructions."""

from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np
import torch

from sklearn_ae._onnx.autoencoder import GraphCodec
from sklearn_ae._onnx.graph import Graph, Symbol
from sklearn_ae._onnx.operators import Input, Inputs, as_rows
from sklearn_ae._onnx.table import columns_of, decoded_numbers, write_table
from sklearn_ae._table import CategoryColumn, MissingColumn, is_missing


def columns_apart(model: Any, kinds: Sequence[Any]) -> dict[str, Any]:
    """Return the types of filled columns, unless these are a matrix of numbers."""
    columns = model.encoder_._columns
    if not any(isinstance(column, CategoryColumn) for column in columns):
        return {}
    each = list(kinds) * (model.n_features_in_ if len(kinds) == 1 else 1)
    names = model.get_feature_names_out()
    # skl2onnx renames inputs that have the name of an output.
    return {f"filled_{names[i]}": each[k] for i, k in enumerate(model._kept)}


def write_imputer(graph: Graph, model: Any, inputs: Inputs) -> dict[str, Symbol]:
    """Write what `AutoencoderImputer.transform` does.

    Columns of mixed tables are outputs of their own, as no matrix holds all of them.
    """
    if model.sample_posterior:
        raise NotImplementedError(
            "sample_posterior=True draws numbers; a graph cannot."
        )
    if not hasattr(model.estimator_, "_fit_result"):
        name = type(model.estimator_).__name__
        raise NotImplementedError(
            f"Graphs impute by an AutoencoderTransformer alone, not by {name}."
        )
    exact = graph.beside(torch.float64)
    if apart := columns_apart(model, inputs):
        return dict(zip(apart, _mixed(exact, model, inputs), strict=True))
    rows = as_rows(exact, [Input(one.symbol.on(exact), one.width) for one in inputs])
    marker = model.missing_values
    is_number = isinstance(marker, Real) and not isinstance(marker, bool | np.bool_)
    if is_number and marker == marker:
        rows = exact.where(rows == float(marker), np.full((), np.nan), rows)
    missing, kept = rows.isnan(), _columns(rows, model._kept)
    _, found = _reconstruction(model, [Input(kept, len(model._kept))])
    found = decoded_numbers(exact, model.encoder_._columns, found)
    if model.keep_empty_features:
        found = exact.where(found.isnan(), np.zeros(()), found)
    parts = [exact.where(_columns(missing, model._kept), found, kept)]
    if model.add_indicator and len(model._indicated):
        parts.append(_columns(missing, model._indicated).numbers())
    filled = exact.add("Concat", *parts, axis=1)
    return {"variable": filled.on(graph).cast(graph.dtype)}


def _mixed(graph: Graph, model: Any, inputs: Inputs) -> list[Symbol]:
    """Fill each column by itself."""
    columns, given = model.encoder_._columns, columns_of(graph, inputs)
    is_empty = any(isinstance(column, MissingColumn) for column in columns)
    if model.add_indicator or is_empty or not is_missing(model.missing_values):
        raise NotImplementedError(
            "add_indicator=True, missing_values other than NaN, and columns without "
            "any value have graphs in tables of numbers alone."
        )
    values = [given[i] for i in model._kept]
    missing, found = _reconstruction(model, [Input(one, 1) for one in values])
    filled, ends = [], model.encoder_._ends
    for column, value, end in zip(columns, values, ends, strict=True):
        if not (value.dtype is str or value.dtype.is_floating_point):
            filled.append(value)  # integers and booleans are never missing
            continue
        places = np.arange(end - len(column.suffixes), end)
        part = _columns(found, places)
        if isinstance(column, CategoryColumn):
            labels = graph.constant(np.array(column.labels.tolist()))
            largest = graph.add("ArgMax", part + column.shares, axis=1)
            part = graph.add("Gather", labels, largest)
        else:
            part = decoded_numbers(graph, [column], part)
        # onnxruntime chooses among text and numbers of float64, not among all types.
        kind: Any = str if value.dtype is str else graph.dtype
        choice = _columns(missing, places[:1]), part.cast(kind), value.cast(kind)
        filled.append(graph.add("Where", *choice, dtype=kind).cast(value.dtype))
    return filled


def _reconstruction(model: Any, table: Inputs) -> tuple[Symbol, Symbol]:
    """Return which cells of an encoded table are missing, and all from the others."""
    graph = table[0].symbol.graph
    encoded = write_table(graph, model.encoder_, table)["variable"]
    missing = encoded.isnan()
    count = missing.numbers().sum(axis=1, keepdims=True)
    is_empty = count == float(model.encoder_._ends[-1])
    encoded = graph.where(is_empty, np.zeros(()), encoded)
    codec = GraphCodec(graph, model.estimator_._fit_result.codec)
    return missing, codec.outputs(encoded)["reconstruction"]


def _columns(rows: Symbol, indices: Any) -> Symbol:
    """Return some columns of a matrix."""
    return rows.graph.add("Gather", rows, rows.graph.shape(*indices.tolist()), axis=1)
