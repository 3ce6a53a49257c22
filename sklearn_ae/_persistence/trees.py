"""Gradient boosting by histograms as the nodes of its trees, and back."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.ensemble._hist_gradient_boosting.binning import _BinMapper
from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor

from sklearn_ae._persistence.attributes import Attributes
from sklearn_ae._persistence.values import Kind, need

FITTED = (
    "n_trees_per_iteration_", "_baseline_prediction", "do_early_stopping_",
    "train_score_", "validation_score_",
)  # fmt: skip


def _take_nodes(model: Any) -> dict[str, NDArray]:
    """Return the nodes of all trees, one array a field, and how many each tree has."""
    trees = [tree for iteration in model._predictors for tree in iteration]
    nodes = np.concatenate([tree.nodes for tree in trees])
    names = PREDICTOR_RECORD_DTYPE.names
    fields = {name: np.ascontiguousarray(nodes[name]) for name in names}
    return fields | {"sizes": np.array([len(tree.nodes) for tree in trees])}


def _put_nodes(fields: dict[str, NDArray]) -> list[TreePredictor]:
    """Return the trees."""
    sizes = fields.pop("sizes")
    is_count = sizes.dtype == np.int64 and sizes.ndim == 1 and (sizes > 0).all()
    need(is_count and len(sizes) > 0, "The size of its trees is")
    need(fields.keys() == {*PREDICTOR_RECORD_DTYPE.names}, "Its list of nodes is")
    nodes = np.zeros(len(fields["value"]), dtype=PREDICTOR_RECORD_DTYPE)
    need(sizes.max() <= len(nodes) and sizes.sum() == len(nodes), "Its nodes are")
    for name, values in fields.items():
        is_field = values.dtype == nodes.dtype[name] and values.shape == nodes.shape
        need(is_field, f"The field {name} of its nodes is")
        nodes[name] = values
    none = np.empty((0, 8), dtype=np.uint32)  # sets of categories
    parts = np.split(nodes, np.cumsum(sizes)[:-1])
    return [TreePredictor(part.copy(), none, none) for part in parts]


def _check_tree(nodes: NDArray, n_features: int) -> None:
    """Raise unless every way down ends in a leaf, within the columns."""
    inner = np.flatnonzero(nodes["is_leaf"] == 0)
    for side in ("left", "right"):
        child = nodes[side][inner]
        need(((child > inner) & (child < len(nodes))).all(), "A tree is")
    feature = nodes["feature_idx"][inner]
    need(((feature >= 0) & (feature < n_features)).all(), "A column of a tree is")
    need((nodes["is_categorical"] == 0).all(), "A tree of numbers is")
    need(np.isfinite(nodes["value"]).all(), "A value of a tree is")


def _complete(model: Any) -> None:
    """Check what was loaded, and add what follows."""
    n_trees, n_features = model.n_trees_per_iteration_, model.n_features_in_
    need(type(n_trees) is int and n_trees > 0, "Its number of trees is")
    start = model._baseline_prediction
    is_start = isinstance(start, np.ndarray) and start.shape == (1, n_trees)
    is_finite = is_start and start.dtype == np.float64 and np.isfinite(start).all()
    need(is_finite, "Its _baseline_prediction is")
    if isinstance(model, HistGradientBoostingClassifier):
        n_classes = n_trees if n_trees > 1 else 2
        need(np.shape(model.classes_) == (n_classes,), "Its classes_ is")
    else:
        need(n_trees == 1, "Its number of trees is")
    model._n_features, model._preprocessor = n_features, None
    model.is_categorical_ = model._is_categorical_remapped = None
    model._loss = model._get_loss(sample_weight=None)
    model._bin_mapper = _BinMapper()
    # One number for all: a file may claim any number of columns.
    model._bin_mapper.is_categorical_ = np.broadcast_to(np.uint8(0), n_features)
    model._bin_mapper.bin_thresholds_ = []


def _kind(cls: type, *more: str) -> Kind:
    """Return how a model is taken apart and put together."""
    attributes = Attributes(cls, (*FITTED, *more), (), _complete)

    def take(model: Any) -> dict[str, Any]:
        if getattr(model, "is_categorical_", None) is not None:
            raise TypeError("files do not hold gradient boosting with categories.")
        found = attributes.take(model)
        return found | (_take_nodes(model) if "_predictors" in vars(model) else {})

    def put(state: dict[str, Any]) -> Any:
        names = state.keys() & {*PREDICTOR_RECORD_DTYPE.names, "sizes"}
        fields = {name: state.pop(name) for name in names}
        model = attributes.put(state)
        need(bool(fields) == hasattr(model, "_loss"), "What is known of its trees is")
        if fields:
            trees, n_trees = _put_nodes(fields), model.n_trees_per_iteration_
            for tree in trees:
                _check_tree(tree.nodes, model.n_features_in_)
            need(len(trees) % n_trees == 0, "Its number of trees is")
            firsts = range(0, len(trees), n_trees)
            model._predictors = [trees[first : first + n_trees] for first in firsts]
        return model

    return Kind(take, put)


TREES = {
    "sklearn.HistGradientBoostingRegressor": _kind(HistGradientBoostingRegressor),
    "sklearn.HistGradientBoostingClassifier": _kind(
        HistGradientBoostingClassifier, "classes_"
    ),
}
