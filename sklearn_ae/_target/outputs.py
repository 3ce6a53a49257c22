"""What a target is by its values, and its outputs as matrices of numbers."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_classifier
from sklearn.utils import check_array, column_or_1d
from sklearn.utils._missing import is_pandas_na, is_scalar_nan
from sklearn.utils.multiclass import check_classification_targets, type_of_target

TargetType = Literal["binary", "multiclass", "continuous"]

# Integers of more different values are numbers, not classes.
MOST_CLASSES = 30


@dataclass(frozen=True)
class Form:
    """How an output is written as columns of numbers.

    Numbers are one column of variance 1; classes one indicator each, two classes that
    of the second alone.
    """

    mean: NDArray[np.float64]  # (n_columns,), weighted
    scale: float  # what one stands for in units of y; 1 for classes
    classes: NDArray | None  # (n_classes,), sorted; None for numbers

    def columns(self, y: NDArray) -> NDArray[np.float64]:
        """Return `y` of some rows, or predictions of it."""
        if self.classes is None:
            return np.asarray(y, dtype=np.float64).reshape(-1, 1) / self.scale
        return _indicators(y, self.classes)


@dataclass(frozen=True)
class Output:
    """One output: a column of numbers, or classes."""

    y: NDArray  # (n_samples,), what an estimator is fitted to
    values: NDArray[np.float64]  # (n_samples, n_columns), the same in its form
    form: Form
    is_constant: bool  # whether there is nothing to predict


def is_constant(values: NDArray, weight: NDArray[np.float64]) -> bool:
    """Whether all rows that count are the same."""
    counted = values[weight > 0]
    return bool((counted == counted[:1]).all())


def type_of(y: NDArray, target_type: str, estimator: Any) -> TargetType:
    """Return what a target is: as asked for, as the estimator has it, or by values."""
    _check_values(y)
    is_discrete = target_type != "continuous"
    if target_type == "auto" and estimator is None:
        found = type_of_target(y, input_name="y")
        # Integers of so many values count or measure something.
        is_number = y.dtype.kind in "iuf" and len(np.unique(y)) > MOST_CLASSES
        is_discrete = found in ("binary", "multiclass") and not is_number
    elif target_type == "auto":
        is_discrete = is_classifier(estimator)
    elif estimator is not None and is_classifier(estimator) != is_discrete:
        kind = "classifier" if is_classifier(estimator) else "regressor"
        raise ValueError(
            f"target_type={target_type!r}, but estimator={estimator!r:.80} is a "
            f"{kind}. Leave target_type='auto', or give another estimator."
        )
    if not is_discrete:
        return "continuous"
    _check_one_column(y)
    check_classification_targets(y)
    n_classes = len(np.unique(column_or_1d(y)))
    if target_type == "binary" and n_classes > 2:
        raise ValueError(
            f"target_type='binary', but y has {n_classes} different values. Set "
            "target_type='multiclass'."
        )
    return "binary" if n_classes <= 2 else "multiclass"


def _check_values(y: NDArray) -> None:
    """Refuse missing values, and points in time, which would be taken for classes."""
    values = np.asarray(y)
    if values.dtype.kind in "mM":
        raise TypeError(
            f"y is of dtype {values.dtype}, but has to hold classes or numbers. "
            "Convert it, for instance to a number of days."
        )
    n_missing = _count_missing(values)
    if n_missing:
        raise ValueError(
            f"Input y contains NaN: {n_missing} of {values.size} values are missing. "
            "Leave these rows out, or fill them."
        )


def _count_missing(values: NDArray) -> int:
    if values.dtype.kind == "f":
        return int(np.isnan(values).sum())
    if values.dtype != object:
        return 0
    return sum(v is None or is_pandas_na(v) or is_scalar_nan(v) for v in values.flat)


def _check_one_column(y: NDArray) -> None:
    """Refuse several columns of classes."""
    shape = np.shape(y)
    if len(shape) == 2 and shape[1] > 1:
        raise ValueError(
            f"y has {shape[1]} columns of classes, but one is allowed. Several have to "
            "be numbers: set target_type='continuous', and give no classifier."
        )


def outputs_of(
    y: NDArray, target_type: TargetType, weight: NDArray[np.float64]
) -> list[Output]:
    """Return the outputs of a target, one for each column of numbers."""
    if target_type != "continuous":
        y = column_or_1d(y)
        classes = np.unique(y)
        values = _indicators(y, classes)
        mean = np.average(values, axis=0, weights=weight)
        form = Form(mean, 1.0, classes)
        return [Output(y, values, form, is_constant(values, weight))]
    numbers = _numbers(y)
    if numbers.ndim > 2:
        raise ValueError(f"y has {numbers.ndim} dimensions; at most 2 are understood.")
    outputs = []
    for column in numbers.reshape(len(numbers), -1).T:
        mean = np.average(column, weights=weight)
        variance = np.average((column - mean) ** 2, weights=weight)
        nothing_varies = is_constant(column, weight)
        # The mean of a constant may be rounded.
        scale = 1.0 if nothing_varies else float(variance**0.5) or 1.0
        form = Form(np.array([mean / scale]), scale, None)
        values = column[:, None] / scale
        outputs.append(Output(column, values, form, nothing_varies))
    return outputs


def _numbers(y: NDArray) -> NDArray:
    """Return a target as numbers; say why it is taken for such."""
    try:
        return check_array(y, dtype=np.float64, ensure_2d=False, input_name="y")
    except ValueError as error:
        if "could not convert" not in str(error):
            raise
        raise ValueError(
            f"y was taken for numbers: {error}. For classes, give one column, leave "
            "target_type='auto', and give a classifier or no estimator."
        ) from error


def _indicators(y: NDArray, classes: NDArray) -> NDArray[np.float64]:
    """Return whether each row is of each class; of two, whether of the second."""
    first = int(len(classes) == 2)
    return (np.asarray(y)[:, None] == classes[first:]).astype(np.float64)
