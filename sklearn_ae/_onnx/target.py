"""Predictions of a target beside the columns, by the converters of their estimators."""

from typing import Any

import numpy as np
import torch

from sklearn_ae._onnx.estimator import include
from sklearn_ae._onnx.graph import Graph, Symbol
from sklearn_ae._onnx.operators import Inputs, as_rows


def write_augmenter(graph: Graph, model: Any, inputs: Inputs) -> dict[str, Symbol]:
    """Write what `TargetAugmenter.transform` does."""
    rows = as_rows(graph, inputs)
    # Differences to means, which may be large, are those of float64.
    exact = graph.beside(torch.float64)
    cells, parts = rows.on(exact).cast(torch.float64), [rows]
    for predictor in model._predictors:
        total = None
        for share, estimator in zip(
            predictor.shares, predictor.estimators, strict=True
        ):
            found = _response(exact, estimator, cells, model.n_features_in_, predictor)
            part = (found - predictor.form.mean) * float(share)
            total = part if total is None else total + part
        assert total is not None  # a predictor has estimators
        parts.append((total * model._scale).on(graph).cast(graph.dtype))
    found = graph.add("Concat", *parts, axis=1) if len(parts) > 1 else rows
    return {"variable": found}


def _response(
    graph: Graph, estimator: Any, rows: Symbol, width: int, predictor: Any
) -> Symbol:
    """Return predictions, or probabilities of classes, in the form of an output."""
    form = predictor.form
    if form.classes is not None and not hasattr(estimator, "predict_proba"):
        raise NotImplementedError(
            f"{type(estimator).__name__} has no probabilities of classes, which graphs "
            "append."
        )
    outputs = include(graph, estimator, rows, width)
    if form.classes is None:
        numbers = outputs[0].on(graph).cast(graph.dtype)
        return graph.add("Reshape", numbers, graph.shape(-1, 1)) / form.scale
    places = np.searchsorted(form.classes, estimator.classes_)
    placed = np.zeros((len(places), len(form.classes)))
    placed[np.arange(len(places)), places] = 1.0
    return outputs[1].on(graph).cast(graph.dtype) @ placed[:, -len(form.mean) :]
