"""The way back, from codes to rows, as a model of its own."""

from itertools import count
from typing import Any

import numpy as np
import torch
from onnx import ModelProto, checker, helper
from sklearn import decomposition, preprocessing
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sklearn_ae._autoencoder import AutoencoderTransformer
from sklearn_ae._onnx.autoencoder import GraphCodec
from sklearn_ae._onnx.graph import TYPES, Graph, Symbol
from sklearn_ae._onnx.operators import OLDEST, check_opset
from sklearn_ae._onnx.table import decoded_numbers
from sklearn_ae._table_encoder import TableEncoder
from sklearn_ae._target_augmenter import TargetAugmenter

# Transformers of scikit-learn whose inverse is a matrix and a sum.
AFFINE = (
    decomposition.PCA,
    decomposition.TruncatedSVD,
    preprocessing.MaxAbsScaler,
    preprocessing.MinMaxScaler,
    preprocessing.RobustScaler,
    preprocessing.StandardScaler,
)


def to_onnx_inverse(
    estimator: Any, *, dtype: Any = np.float32, target_opset: int = OLDEST
) -> ModelProto:
    """Return the ONNX model of `inverse_transform`.

    Parameters
    ----------
    estimator : AutoencoderTransformer or Pipeline
        Fitted. Other steps of a pipeline may be scalers, `PCA`, `TruncatedSVD`,
        `TargetAugmenter` and, for tables of numbers, `TableEncoder`.
    dtype : {numpy.float32, numpy.float64}, default=numpy.float32
        Of codes and rows.
    target_opset : int, default=18
        Version of the operators, 18 to 22.

    Returns
    -------
    model : onnx.ModelProto
        With the input "codes" of shape (n_samples, n_components) and the output "rows"
        of shape (n_samples, n_features).

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    ValueError
        If `dtype` is another.
    NotImplementedError
        If a step has no inverse in a graph, or for another `target_opset`.
    """
    check_is_fitted(estimator)
    check_opset(target_opset)
    kinds: dict[Any, Any] = {np.float32: torch.float32, np.float64: torch.float64}
    kind = kinds.get(getattr(dtype, "type", dtype))
    if kind is None:
        raise ValueError(f"dtype={dtype!r} is not numpy.float32 or numpy.float64.")
    numbers = count()
    graph = Graph(kind, target_opset, lambda name: f"{name}_{next(numbers)}")
    rows, steps = graph.symbol("codes"), _steps(estimator)
    for step in reversed(steps):
        rows = _inverse(graph, step, rows)
    graph.rename(rows, "rows")
    n_codes = len(steps[-1].get_feature_names_out())
    widths = {"codes": n_codes, "rows": steps[0].n_features_in_}
    ends = [
        helper.make_tensor_value_info(name, TYPES[kind], ["n_samples", width])
        for name, width in widths.items()
    ]
    model = graph.model(ends[:1], ends[1:])
    checker.check_model(model, full_check=True)
    return model


def _steps(estimator: Any) -> list[Any]:
    """Return what an estimator does one after the other, within pipelines too."""
    if not isinstance(estimator, Pipeline):
        return [] if estimator in (None, "passthrough") else [estimator]
    return [one for _, step in estimator.steps for one in _steps(step)]


def _inverse(graph: Graph, step: Any, rows: Symbol) -> Symbol:
    """Return what a step makes of rows on the way back."""
    if isinstance(step, AutoencoderTransformer):
        return GraphCodec(graph, step._fit_result.codec).decode(rows)
    if isinstance(step, TableEncoder):
        exact = graph.beside(torch.float64)
        rows = rows.on(exact).cast(exact.dtype) / step._weights**0.5
        numbers = decoded_numbers(exact, step._columns, rows, step.restore_dtypes)
        return numbers.on(graph).cast(graph.dtype)
    if isinstance(step, TargetAugmenter):
        kept = graph.shape(*range(step.n_features_in_))
        return graph.add("Gather", rows, kept, axis=1)
    if type(step) in AFFINE:
        n_codes = len(step.get_feature_names_out())
        shift = step.inverse_transform(np.zeros((1, n_codes)))
        matrix = step.inverse_transform(np.eye(n_codes)) - shift
        if isinstance(step, decomposition.PCA | decomposition.TruncatedSVD):
            return rows @ matrix + shift
        return rows * np.diag(matrix) + shift
    raise NotImplementedError(
        f"{type(step).__name__} has no inverse in a graph. Of scikit-learn "
        f"{', '.join(cls.__name__ for cls in AFFINE)} have."
    )
