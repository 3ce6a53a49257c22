"""Missing cells of rows, filled where there are any."""

from typing import Any

import numpy as np
import torch
from onnx import TensorProto, helper

from sklearn_ae._data import Imputer
from sklearn_ae._onnx.graph import Graph, Symbol


def imputed(graph: Graph, imputer: Imputer, x: Symbol) -> Symbol:
    """Return centred and scaled rows with NaN replaced as the imputer does.

    A batch without NaN takes no longer than a sum of its cells.
    """
    total = graph.add("ReduceSum", x, keepdims=0)
    has_missing = total.isnan()
    filled = graph.inner(torch.float64)
    rows = _with_filled_rows(filled, imputer, x.on(filled)).on(graph)
    # A body may not return what is from outside as it is.
    as_it_is = graph.inner()
    same = as_it_is.add("Identity", x.on(as_it_is))
    (found,) = graph.add_many(
        "If",
        [has_missing],
        1,
        then_branch=filled.body([], [rows]),
        else_branch=as_it_is.body([], [same]),
    )
    return found


def _with_filled_rows(graph: Graph, imputer: Imputer, x: Symbol) -> Symbol:
    """Fill the rows that lack a cell, and put them back among the others."""
    is_missing = x.isnan().numbers()
    counts = is_missing.sum(axis=1, keepdims=False)
    where = graph.add("NonZero", counts > 0.0, dtype=torch.int64)
    where = graph.add("Transpose", where, perm=[1, 0])
    lacking = graph.add("GatherND", x, where)
    filled = _filled(graph, imputer, lacking).cast(x.dtype)
    return graph.add("ScatterND", x, where, filled)


def _filled(graph: Graph, imputer: Imputer, x: Symbol) -> Symbol:
    """Return the conditional mean, `L @ inv(L.T @ L + noise) @ L.T @ x` of known cells.

    `L` are the loadings; each row has its own matrix, of the columns that it knows.
    """
    missing = x.isnan()
    known = graph.add("Not", missing).numbers()
    n_features, n_factors = imputer.loadings.shape
    # In the graph, as the file would have many times as many numbers.
    loadings = graph.constant(imputer.loadings)
    left, right = (
        graph.add("Unsqueeze", loadings, graph.shape(axis)) for axis in (2, 1)
    )
    flat = graph.shape(n_features, n_factors**2)
    products = known @ graph.add("Reshape", left * right, flat)
    shape = graph.shape(-1, n_factors, n_factors)
    matrices = graph.add("Reshape", products, shape)
    matrices = matrices + imputer.noise * np.eye(n_factors)
    rows = x.cast(graph.dtype)
    centred = (rows - imputer.mean) / imputer.scale
    centred = graph.where(missing, np.zeros(()), centred)
    sums = centred @ imputer.loadings
    factors = _solutions(graph, matrices, sums, n_factors)
    expected = (factors @ imputer.loadings.T) * imputer.scale + imputer.mean
    return graph.where(missing, expected, rows)


def _solutions(graph: Graph, matrices: Symbol, sides: Symbol, size: int) -> Symbol:
    """Solve positive definite equations, one for each row, by Gauss-Jordan elimination.

    Shapes: `(batch, size, size)` and `(batch, size)` give `(batch, size)`.
    """
    sides = graph.add("Unsqueeze", sides, graph.shape(2))
    joined = graph.add("Concat", matrices, sides, axis=2)
    inner = graph.inner()
    names = [graph.unique(name) for name in ("step", "goes_on", "joined")]
    kinds = [TensorProto.INT64, TensorProto.BOOL, TensorProto.DOUBLE]
    shapes: list[Any] = [[], [], None]
    inputs = [
        helper.make_tensor_value_info(name, kind, shape)
        for name, kind, shape in zip(names, kinds, shapes, strict=True)
    ]
    step, before = inner.symbol(names[0], torch.int64), inner.symbol(names[2])
    row = inner.add("Gather", before, step, axis=1)
    pivot = inner.add("Gather", row, step, axis=1)
    row = row / inner.add("Unsqueeze", pivot, inner.shape(1))
    unit = inner.add("Gather", inner.constant(np.eye(size)), step, axis=0)
    column = inner.add("Gather", before, step, axis=2) - unit
    column = inner.add("Unsqueeze", column, inner.shape(2))
    after = before - column * inner.add("Unsqueeze", row, inner.shape(1))
    goes_on = inner.add("Identity", inner.symbol(names[1], torch.bool))
    body = inner.body(inputs, [goes_on, after])
    count = graph.constant(np.array(size, dtype=np.int64))
    (solved,) = graph.add_many("Loop", [count, np.array(True), joined], 1, body=body)
    last = graph.constant(np.array(size, dtype=np.int64))
    return graph.add("Gather", solved, last, axis=2)
