"""Rows and weights of a fit, checked: what is trained on, and what is held out."""

from dataclasses import dataclass, replace
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import train_test_split
from sklearn.utils.validation import (
    _check_feature_names,
    _check_n_features,
    _check_sample_weight,
    validate_data,
)

from sklearn_ae._advice import advise, cure_of_text
from sklearn_ae._data import (
    LinearStart,
    Moments,
    ResidentRows,
    Source,
    StoredRows,
    Summary,
    Table,
    array_or_source,
    check_some_observed,
    is_long,
    outlier_weights,
    source_of,
    stored_or_given,
    summary_of,
)
from sklearn_ae._training import terms_of


@dataclass(frozen=True)
class Data:
    """Rows of a fit: all, those trained on, and those held out to pick an epoch.

    Parameters
    ----------
    kept : ndarray of shape (n_samples,)
        Which of the rows that were given, or drawn of these, are in the table.
    moments : Moments or None
        Of more rows than these, from which these were drawn.
    """

    table: Table
    training: Table
    held_out: Table | None
    kept: NDArray[np.bool_]
    moments: Moments | None = None

    def linear_start(self, n_components: int, seed: int) -> LinearStart:
        """Return PCA with as many components as there are codes, or as it can have."""
        table = self.training
        n_axes = min(n_components, *table.X.shape)
        if self.moments is None:
            return LinearStart.of_table(table, n_axes, seed)
        return LinearStart.of_moments(self.moments, n_axes, table.effective_size)


def training_data(
    model: Any, rows: Any, sample_weight: ArrayLike | None, seed: int
) -> Data:
    """Validate rows and weights; leave out rows that do not count.

    Of many rows, and of such as are not in memory, some are drawn; of a Summary they
    have been.
    """
    if isinstance(rows, Summary):
        return drawn_data(model, rows, seed)
    rows = stored_or_given(rows)
    if isinstance(rows, StoredRows):
        # An array of ones may take more memory than is left.
        given = sample_weight is not None
        weight = _weight_of_rows(sample_weight, rows) if given else None
        return drawn_data(model, summary_of(rows, weight, seed), seed)
    X = _validated(model, rows)
    weight = _weight_of_rows(sample_weight, X)
    if is_long(X) and not _names_rows(model.cv):
        if model.output_activation == "logistic":  # of all rows that count
            _check_shares(_only(weight > 0, Table(X, weight)).X)
        summary = summary_of(X, weight, seed)
        return drawn_data(model, summary, seed, summary.drawn.rows)
    return _counted(model, X, weight, seed)


def _weight_of_rows(sample_weight: ArrayLike | None, X: Any) -> NDArray[np.float64]:
    """Check the weights of rows; None counts each once, and next to none is none."""
    weight: NDArray[np.float64] = _check_sample_weight(
        sample_weight, X, dtype=np.float64, ensure_non_negative=True
    )
    with np.errstate(over="ignore"):
        total = weight.sum()
    if not np.isfinite(total):
        raise ValueError("sample_weight is so large that its sum overflows.")
    return np.where(weight > 1e-30 * weight.max(), weight, 0.0)  # 0 for float32


def drawn_data(
    model: Any, summary: Summary, seed: int, X: NDArray | None = None
) -> Data:
    """Return the rows that were drawn from many as those of a fit.

    Moments are those of all rows, where none of these is weighted down or held out.
    `X` are the rows drawn, where they have been validated with the others.
    """
    rows = _validated(model, summary.drawn.rows) if X is None else X
    data = _counted(model, rows, summary.drawn.weight, seed)
    if summary.is_whole:
        return data
    if _names_rows(model.cv):
        raise ValueError(
            f"cv={str(model.cv)[:80]} names rows, but of {summary.n_rows} rows a fit "
            f"trains on {len(summary.drawn)}, drawn at random, where not all are kept. "
            "Set cv='auto' or a number of folds."
        )
    if model.early_stopping or _is_robust(model):
        return data
    is_known = summary.moments is not None and summary.moments.is_known
    return replace(data, moments=summary.moments if is_known else None)


def _names_rows(cv: Any) -> bool:
    """Whether folds are given by the rows in them."""
    return not (cv is None or isinstance(cv, str | Integral))


def _counted(model: Any, X: NDArray | Source, weight: NDArray, seed: int) -> Data:
    """Leave out validated rows that do not count, and hold out some if need be."""
    kept = weight > 1e-30 * weight.max()  # again, as those of streams are checked late
    if kept.sum() < 2:
        raise ValueError(
            f"sample_weight has {kept.sum()} entries above 0, but at least 2 "
            "samples are needed."
        )
    table = _only(kept, Table(X, weight))
    is_complete = table.is_complete
    if not is_complete:
        _check_fits_memory(table.X)
        check_some_observed(table.X, axis=1, labels=np.flatnonzero(kept))
    if model.output_activation == "logistic":
        _check_shares(table.X)
    if _is_robust(model):
        if not is_complete:
            check_some_observed(table.X, axis=0)
        factors = outlier_weights(table, seed)
        kept[kept] = factors > 0
        table = _only(factors > 0, Table(table.X, table.weight * factors))
    training, held_out = _split(model, table, seed)
    if not is_complete:
        where = "" if held_out is None else ", without the rows held out,"
        check_some_observed(training.X, axis=0, where=where)
    return Data(table, training, held_out, kept)


def _validated(model: Any, rows: Any) -> NDArray | Source:
    """Check rows, and tell a model of their columns; resident ones are checked."""
    if isinstance(rows, ResidentRows):
        _check_feature_names(model, rows.stored, reset=True)
        _check_n_features(model, rows, reset=True)
        return rows
    with cure_of_text(model):
        validated = validate_data(
            model,
            rows,
            accept_sparse="csr",
            dtype=[np.float64, np.float32],
            ensure_min_samples=2,
            ensure_all_finite="allow-nan",
        )
    return array_or_source(validated)


def _is_robust(model: Any) -> bool:
    """Whether outlying rows are to count less."""
    return terms_of(model.loss)[0] in ("absolute_error", "huber")


def _only(kept: NDArray[np.bool_], table: Table) -> Table:
    """Return the rows that are kept, without a copy where that is all of them."""
    return table if kept.all() else table.part(kept)


def _check_fits_memory(X: NDArray | Source) -> None:
    """Raise where cells are missing of rows that are no array: they need one."""
    if isinstance(X, Source):
        raise ValueError(
            f"X of shape {X.shape} is sparse, holds NaN and is too large for a "
            "dense copy that nobody asked for, which missing values need. Fill them, "
            "for instance with SimpleImputer, or pass X.toarray()."
        )


def _check_shares(X: NDArray | Source) -> None:
    """Raise unless all values lie between 0 and 1, but for a scaler's rounding."""
    low, high = source_of(X).column_range()
    lowest, highest = np.nanmin(low), np.nanmax(high)
    if lowest < -1e-6 or highest > 1 + 1e-6:
        raise ValueError(
            "output_activation='logistic' needs values between 0 and 1, but those of "
            f"X lie between {lowest:g} and {highest:g}. Scale X, for instance with "
            "MinMaxScaler, or set output_activation='identity'."
        )


def _split(model: Any, table: Table, seed: int) -> tuple[Table, Table | None]:
    """Hold out rows where early stopping needs them."""
    n_samples = len(table)
    n_valid = int(np.ceil(model.validation_fraction * n_samples))
    if model.early_stopping and n_samples - n_valid >= 2:
        parts = train_test_split(
            np.arange(n_samples), test_size=n_valid, random_state=seed
        )
        training, held_out = (table.part(np.sort(part)) for part in parts)
        return training, held_out
    if model.early_stopping:
        advise(
            f"validation_fraction={model.validation_fraction!r} leaves "
            f"{n_samples - n_valid} of {n_samples} samples for training, but at "
            "least 2 are needed. Early stopping is off for this fit, which uses "
            "all samples."
        )
    return table, None
