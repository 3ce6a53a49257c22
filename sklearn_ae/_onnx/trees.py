"""Gradient boosting of histograms, whose thresholds are those of float64.

skl2onnx 1.20 has a converter, which current versions of protobuf refuse.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)

from sklearn_ae._onnx.graph import Graph, Symbol

TREES = (HistGradientBoostingClassifier, HistGradientBoostingRegressor)
# Losses whose predictions are sums of leaves.
SUMS = ("squared_error", "absolute_error", "quantile")
DOMAIN = "ai.onnx.ml"


def boosted(graph: Graph, estimator: Any, rows: Symbol) -> list[Symbol]:
    """Add the trees; return sums of their leaves, or these and probabilities."""
    is_classifier = isinstance(estimator, HistGradientBoostingClassifier)
    if not is_classifier and estimator.loss not in SUMS:
        raise NotImplementedError(
            f"Boosting with loss={estimator.loss!r} has no graph; {SUMS} have."
        )
    sums = graph.add(
        "TreeEnsembleRegressor",
        rows.cast(torch.float64),
        domain=DOMAIN,
        dtype=torch.float32,
        **_attributes(estimator),
    )
    graph.versions.add((DOMAIN, 3))
    baseline = np.asarray(estimator._baseline_prediction, dtype=np.float64)
    # Not in the ensemble, which adds it in float32.
    sums = sums.cast(graph.dtype) + baseline.reshape(1, -1)
    if not is_classifier:
        return [sums]
    if len(estimator.classes_) > 2:
        return [sums, graph.add("Softmax", sums, axis=1)]
    share = sums.sigmoid()
    return [sums, graph.add("Concat", 1.0 - share, share, axis=1)]


def _attributes(estimator: Any) -> dict[str, Any]:
    """Return all trees as lists of their nodes and leaves."""
    trees = [
        (target, tree.nodes)
        for iteration in estimator._predictors
        for target, tree in enumerate(iteration)
    ]
    counts = [len(nodes) for _, nodes in trees]
    nodes = np.concatenate([nodes for _, nodes in trees])
    if nodes["is_categorical"].any():
        raise NotImplementedError("Boosting with categories has no graph.")
    tree_ids = np.repeat(np.arange(len(trees)), counts)
    node_ids = np.concatenate([np.arange(count) for count in counts])
    targets = np.repeat([target for target, _ in trees], counts)
    is_leaf = nodes["is_leaf"].astype(bool)
    return {
        "n_targets": len(estimator._predictors[0]),
        "nodes_treeids": tree_ids.tolist(),
        "nodes_nodeids": node_ids.tolist(),
        "nodes_featureids": nodes["feature_idx"].astype(int).tolist(),
        "nodes_modes": np.where(is_leaf, "LEAF", "BRANCH_LEQ").tolist(),
        "nodes_values_as_tensor": _tensor(nodes["num_threshold"]),
        "nodes_truenodeids": nodes["left"].astype(int).tolist(),
        "nodes_falsenodeids": nodes["right"].astype(int).tolist(),
        "nodes_missing_value_tracks_true": nodes["missing_go_to_left"]
        .astype(int)
        .tolist(),
        "target_treeids": tree_ids[is_leaf].tolist(),
        "target_nodeids": node_ids[is_leaf].tolist(),
        "target_ids": targets[is_leaf].tolist(),
        "target_weights_as_tensor": _tensor(nodes["value"][is_leaf]),
    }


def _tensor(values: NDArray) -> Any:
    return numpy_helper.from_array(np.array(values, dtype=np.float64))
