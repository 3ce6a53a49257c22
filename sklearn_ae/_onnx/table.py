"""Tables of mixed columns as nodes of a graph: encoded, and numbers decoded."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from sklearn.preprocessing import StandardScaler

from sklearn_ae._onnx.graph import Graph, Symbol
from sklearn_ae._onnx.operators import Inputs
from sklearn_ae._onnx.scalers import scaled
from sklearn_ae._table import CategoryColumn, MissingColumn, NumericColumn

# Text that stands for a missing value, unless it is a category; onnxruntime turns what
# is no text into the others.
NOTHING = ("", "None", "nan", "NaN", "<NA>")


def columns_of(graph: Graph, inputs: Inputs) -> list[Symbol]:
    """Return the columns of all inputs one by one, each of shape (n_samples, 1)."""
    found = []
    for given, width in inputs:
        rows = given.on(graph)
        each = [graph.add("Gather", rows, graph.shape(i), axis=1) for i in range(width)]
        found += each if width > 1 else [rows]
    return found


def write_table(graph: Graph, model: Any, inputs: Inputs) -> dict[str, Symbol]:
    """Write what `TableEncoder.transform` does.

    Differences and quotients are those of float64, as large integers need them.
    """
    exact = graph.beside(torch.float64)
    parts, shift, scale = [], [], []
    names = getattr(model, "feature_names_in_", range(model.n_features_in_))
    columns = zip(names, model._columns, columns_of(exact, inputs), strict=True)
    for name, column, values in columns:
        try:
            part, middle, unit = _encoded(exact, column, values)
        except (TypeError, ValueError, NotImplementedError, RuntimeError) as error:
            raise type(error)(
                f"Column {name!r} cannot be converted: {error}"
            ) from error
        parts.append(part)
        shift.append(np.broadcast_to(middle, len(column.suffixes)))
        scale.append(np.broadcast_to(unit, len(column.suffixes)))
    rows = exact.add("Concat", *parts, axis=1)
    rows = (rows - np.concatenate(shift)) / np.concatenate(scale)
    if np.any(model._weights != 1.0):
        counts = [len(column.suffixes) for column in model._columns]
        rows = rows * np.repeat(model._weights**0.5, counts)
    return {"variable": rows.on(graph).cast(graph.dtype)}


def _encoded(graph: Graph, column: Any, values: Symbol) -> tuple[Symbol, Any, Any]:
    """Return a column as numbers, what they are centred by and what divides them."""
    if isinstance(column, MissingColumn):
        shape = graph.add("Shape", values, dtype=torch.int64)
        return graph.add("Expand", np.zeros(()), shape, dtype=graph.dtype), 0.0, 1.0
    if isinstance(column, CategoryColumn):
        return _indicators(graph, column, values), column.shares, 1.0
    if not isinstance(column, NumericColumn):
        raise NotImplementedError(
            "ONNX has no type for dates and durations. Turn them into numbers first."
        )
    if values.dtype is str:
        raise TypeError("it was fitted to numbers, but its input is text.")
    return scaled(graph, column.scaler, values.cast(graph.dtype))


def _indicators(graph: Graph, column: Any, values: Symbol) -> Symbol:
    """Return one column for each category, NaN where a value is missing."""
    places, n_columns = _places(column.encoder), len(column.labels)
    is_text = values.dtype is str
    keys = [
        key for key in places if isinstance(key, str) == is_text and key is not None
    ]
    if len(keys) < len(places) - (None in places):
        kind = "text" if is_text else "numbers"
        raise TypeError(f"not all of its categories are {kind}, as its input is.")
    rare = getattr(column.encoder, "infrequent_categories_", [None])[0]
    joins = column.encoder.handle_unknown == "infrequent_if_exist"
    if not is_text and not values.dtype.is_floating_point:
        broken = [key for key in keys if key != int(key)]
        if broken:
            raise TypeError(
                f"its category {broken[0]!r} is no integer, as its input is. Give "
                "initial_types in which it is a DoubleTensorType."
            )
    unknown = n_columns - 1 if joins and rare is not None else -1
    nothing = places.get(None, unknown if column.encodes_missing else n_columns)
    if is_text:
        known = {key: places[key] for key in keys}
        for missing in NOTHING:
            known.setdefault(missing, nothing)
        place = graph.add(
            "LabelEncoder",
            values,
            dtype=torch.int64,
            domain="ai.onnx.ml",
            keys_strings=list(known),
            values_int64s=list(known.values()),
            default_int64=unknown,
        )
        graph.versions.add(("ai.onnx.ml", 2))
    else:
        place = _place_of_numbers(graph, values, places, unknown, nothing)
    found = graph.add("Equal", place, graph.shape(*range(n_columns)), dtype=torch.bool)
    is_missing = graph.add("Equal", place, graph.shape(n_columns), dtype=torch.bool)
    return graph.where(is_missing, np.full((), np.nan), found.numbers())


def _places(encoder: Any) -> dict[Any, int]:
    """Return the column of each category; rare ones may share the last."""
    categories = encoder.categories_[0].astype(object)
    places = encoder.transform(categories[:, None]).nonzero()[1]
    return dict(zip(categories, places.tolist(), strict=True))


def _place_of_numbers(
    graph: Graph, values: Symbol, places: dict[Any, int], unknown: int, nothing: int
) -> Symbol:
    """Return integers for numbers, by comparison with all that are known."""
    keys = np.array([[key for key in places if key is not None]])
    if not values.dtype.is_floating_point and keys.dtype.kind in "biu":
        # Beyond 2**53, float64 cannot tell integers apart.
        is_key = values.cast(torch.int64) == keys.astype(np.int64)
    else:
        is_key = values.cast(graph.dtype) == keys.astype(np.float64)
    offsets = [[place - unknown] for key, place in places.items() if key is not None]
    place = is_key.numbers() @ np.array(offsets, dtype=np.float64) + float(unknown)
    is_nan = values.cast(graph.dtype).isnan()
    found = place.cast(torch.int64)
    return graph.add("Where", is_nan, graph.shape(nothing), found, dtype=torch.int64)


def decoded_numbers(
    graph: Graph, columns: Sequence[Any], rows: Symbol, restores: bool = True
) -> Symbol:
    """Return what `TableEncoder.inverse_transform` does, for columns of numbers."""
    scale, shift = np.ones(len(columns)), np.zeros(len(columns))
    lowest, highest = np.full((2, len(columns)), [[-np.inf], [np.inf]])
    for i, column in enumerate(columns):
        if isinstance(column, MissingColumn) and column.kind == "numbers":
            shift[i] = np.nan
            continue
        is_number = isinstance(column, NumericColumn)
        if not is_number or type(column.scaler) is not StandardScaler:
            raise NotImplementedError(
                "Only tables of numbers, scaled by StandardScaler, can be decoded: a "
                "graph has no matrix of numbers and text."
            )
        scaler = column.scaler
        shift[i] = scaler.mean_[0] if scaler.with_mean else 0.0
        scale[i] = scaler.scale_[0] if scaler.with_std else 1.0
        if column.is_integer and restores:
            lowest[i], highest[i] = column.smallest, column.largest
    numbers = rows * scale + shift
    is_integer = np.isfinite(lowest)
    if not is_integer.any():
        return numbers
    whole = graph.add("Round", numbers).clip(lowest, highest)
    return graph.where(is_integer[None], whole, numbers)
