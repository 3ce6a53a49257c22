"""Estimators of scikit-learn inside those of this package, by their own converters."""

from typing import Any

import numpy as np
import torch
from onnx import checker, shape_inference
from skl2onnx import to_onnx
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType
from sklearn.ensemble import BaseEnsemble
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import QuantileTransformer
from sklearn.tree import BaseDecisionTree

from sklearn_ae._onnx.graph import Graph, Symbol
from sklearn_ae._onnx.trees import TREES, boosted

TENSORS = {torch.float32: FloatTensorType, torch.float64: DoubleTensorType}
# What skl2onnx, or the runtime, has in float32 alone.
SINGLE = (QuantileTransformer, BaseDecisionTree, BaseEnsemble)


def include(graph: Graph, estimator: Any, rows: Symbol, width: int) -> list[Symbol]:
    """Add the nodes of an estimator; return all of its outputs.

    Parameters
    ----------
    graph : Graph
    estimator : estimator
        Fitted; of a pipeline each step by itself.
    rows : Symbol
        Its input, in the dtype of the graph.
    width : int
        Number of columns of the input.
    """
    if isinstance(estimator, Pipeline):
        found = [rows]
        for _, step in estimator.steps:
            if step is not None and step != "passthrough":
                width = getattr(step, "n_features_in_", width)
                found = include(graph, step, found[0], width)
        return found
    if type(estimator) is SimpleImputer and _fills_numbers(estimator):
        # Runtimes lack the operator for it in float64.
        missing = rows.isnan()
        statistics = estimator.statistics_[None]
        return [graph.where(missing, statistics, rows)]
    if isinstance(estimator, TREES):
        return boosted(graph, estimator, rows)
    dtype = torch.float32 if isinstance(estimator, SINGLE) else graph.dtype
    has_classes = hasattr(estimator, "predict_proba")
    model = to_onnx(
        estimator,
        initial_types=[("rows", TENSORS[dtype]([None, width]))],
        target_opset=graph.target,
        options={id(estimator): {"zipmap": False}} if has_classes else None,
    )
    try:
        checker.check_model(model, full_check=True)
    except (checker.ValidationError, shape_inference.InferenceError) as error:
        raise NotImplementedError(
            f"What skl2onnx makes of {estimator!r:.80} is no valid graph: {error}"
        ) from error
    return graph.include(model, rows.cast(dtype))


def _fills_numbers(imputer: SimpleImputer) -> bool:
    """Whether all columns stay, and have a number for what is missing."""
    is_nan = imputer.missing_values is np.nan
    known = np.asarray(imputer.statistics_)
    is_known = known.dtype.kind == "f" and not np.isnan(known).any()
    return is_nan and imputer.indicator_ is None and is_known
