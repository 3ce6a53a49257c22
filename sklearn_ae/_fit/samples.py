"""Rows and weights of a fit, checked: what is trained on, and what is held out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any
from warnings import warn

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import train_test_split
from sklearn.utils.validation import _check_sample_weight, validate_data

from sklearn_ae._data import (
    Table,
    check_some_observed,
    missing_cells,
    outlier_weights,
)
from sklearn_ae._fit.callback_support import FRAMES_AROUND_FIT


@dataclass(frozen=True)
class Data:
    """Rows of a fit.

    Parameters
    ----------
    table : Table
        All of them.
    validation : tuple of two ndarrays or None
        Indices of the rows to train on and of those that pick the best epoch.
    """

    table: Table
    validation: tuple[NDArray[np.intp], NDArray[np.intp]] | None

    @cached_property
    def training(self) -> Table:
        """Rows to train on."""
        return self.table if self.validation is None else self.table[self.validation[0]]

    @cached_property
    def held_out(self) -> Table | None:
        """Rows that pick the best epoch."""
        return None if self.validation is None else self.table[self.validation[1]]


def training_data(
    model: Any, rows: ArrayLike, sample_weight: ArrayLike | None, seed: int
) -> tuple[Data, NDArray[np.bool_]]:
    """Validate rows and weights; leave out rows that do not count, and say which.

    The mask, over all rows, is True where a row is kept.
    """
    X: NDArray = validate_data(
        model,
        rows,
        dtype=[np.float64, np.float32],
        ensure_min_samples=2,
        ensure_all_finite="allow-nan",
    )
    table, kept = Table.of(X), np.ones(len(X), dtype=bool)
    if sample_weight is not None:
        table, kept = _weighted(X, sample_weight)
    missing = missing_cells(table.X)
    if missing is not None:
        check_some_observed(missing, axis=1, labels=np.flatnonzero(kept))
    if model.output_activation == "logistic":
        _check_shares(table.X)
    if model.loss in ("absolute_error", "huber"):
        table, inliers = _less_for_outliers(table, seed)
        kept[kept] = inliers
    data = Data(table, _validation_split(model, len(table), seed))
    missing = missing_cells(data.training.X)
    if missing is not None:
        where = "" if data.validation is None else ", without the rows held out,"
        check_some_observed(missing, axis=0, where=where)
    return data, kept


def _weighted(X: NDArray, sample_weight: ArrayLike) -> tuple[Table, NDArray[np.bool_]]:
    """Return the rows that count; float32 takes 1e-30 of the largest weight for 0."""
    weight = _check_sample_weight(
        sample_weight, X, dtype=np.float64, ensure_non_negative=True
    )
    if not np.isfinite(weight.sum()):
        raise ValueError("sample_weight is so large that its sum overflows.")
    kept = weight > 1e-30 * weight.max()
    if kept.sum() < 2:
        raise ValueError(
            f"sample_weight has {kept.sum()} entries above 0, but at least 2 "
            "samples are needed."
        )
    table = Table(X, weight)
    return (table if kept.all() else table[kept]), kept


def _check_shares(X: NDArray) -> None:
    """Raise unless all values lie between 0 and 1, but for a scaler's rounding."""
    with np.errstate(invalid="ignore"):
        lowest, highest = np.nanmin(X), np.nanmax(X)
    if lowest < -1e-6 or highest > 1 + 1e-6:
        raise ValueError(
            "output_activation='logistic' needs values between 0 and 1, but those of "
            f"X lie between {lowest:g} and {highest:g}. Scale X, for instance with "
            "MinMaxScaler, or set output_activation='identity'."
        )


def _less_for_outliers(table: Table, seed: int) -> tuple[Table, NDArray[np.bool_]]:
    """Lower the weights of outliers; leave out rows that then count next to nothing."""
    missing = missing_cells(table.X)
    if missing is not None:
        check_some_observed(missing, axis=0)
    factors = outlier_weights(table, seed)
    inliers = factors > 0
    table = Table(table.X, table.weight * factors)
    return (table if inliers.all() else table[inliers]), inliers


def _validation_split(
    model: Any, n_samples: int, seed: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]] | None:
    """Return indices for training and validation, or None to train on all rows."""
    if not model.early_stopping:
        return None
    n_valid = int(np.ceil(model.validation_fraction * n_samples))
    if n_samples - n_valid < 2:
        warn(
            f"validation_fraction={model.validation_fraction!r} leaves "
            f"{n_samples - n_valid} of {n_samples} samples for training, but at "
            "least 2 are needed. Early stopping is off for this fit, which uses "
            "all samples.",
            UserWarning,
            # The line that calls fit, beyond three functions inside it and fit.
            stacklevel=5 + FRAMES_AROUND_FIT,
        )
        return None
    train, valid = train_test_split(
        np.arange(n_samples), test_size=n_valid, random_state=seed
    )
    return np.sort(train), np.sort(valid)
