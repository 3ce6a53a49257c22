"""What brings the numbers of one column to a common scale."""

from copy import copy
from typing import Any

import numpy as np
import torch
from sklearn.preprocessing import (
    PowerTransformer,
    QuantileTransformer,
    StandardScaler,
)

from sklearn_ae._onnx.estimator import include
from sklearn_ae._onnx.graph import Graph, Symbol


def scaled(graph: Graph, scaler: Any, numbers: Symbol) -> tuple[Symbol, Any, Any]:
    """Return numbers, and what is still to be taken off them and to divide them.

    Shape (n_samples, 1); so that many columns are centred and divided at once.
    """
    if type(scaler) is StandardScaler:
        middle = scaler.mean_ if scaler.with_mean else 0.0
        return numbers, middle, scaler.scale_ if scaler.with_std else 1.0
    if type(scaler) is PowerTransformer:
        # Its converter is of float32 alone, in which powers overflow.
        (power,) = scaler.lambdas_
        bend = _box_cox if scaler.method == "box-cox" else _yeo_johnson
        bent = bend(graph, numbers, float(power))
        if not scaler.standardize:
            return bent, 0.0, 1.0
        return scaled(graph, scaler._scaler, bent)
    if type(scaler) is QuantileTransformer:  # whose converter is of float32 alone
        middle = np.nanmedian(scaler.quantiles_)
        scaler = copy(scaler)
        scaler.quantiles_ = scaler.quantiles_ - middle
        numbers = numbers - middle
    (found,) = include(graph, scaler, numbers, 1)
    return found.on(graph).cast(graph.dtype), 0.0, 1.0


def _box_cox(graph: Graph, x: Symbol, power: float) -> Symbol:
    """Box & Cox (1964), Journal of the Royal Statistical Society B 26, 211-252."""
    if power == 0.0:
        return graph.add("Log", x)
    return (graph.add("Pow", x, power) - 1.0) / power


def _yeo_johnson(graph: Graph, x: Symbol, power: float) -> Symbol:
    """Yeo & Johnson (2000), Biometrika 87, 954-959."""
    zero = np.zeros(())
    above = _box_cox(graph, graph.add("Max", x, zero) + 1.0, power)
    below = _box_cox(graph, 1.0 - graph.add("Min", x, zero), 2.0 - power)
    is_below = graph.add("Less", x, zero, dtype=torch.bool)
    return graph.where(is_below, 0.0 - below, above)
