"""What is learned of a column: how its values become numbers, and numbers values."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.preprocessing import OneHotEncoder

from sklearn_ae._table.values import CATEGORIES, NUMBERS, Values, is_none, objects


class Column(Protocol):
    """Maps the values of a column to numbers of shape (n_samples, width), and back."""

    @property
    def kind(self) -> str:
        """What its values are, in a word."""

    @property
    def suffixes(self) -> Sequence[str]:
        """Ends of the names of its numbers."""

    def encode(self, values: NDArray, out: NDArray[np.float64]) -> None:
        """Write numbers; NaN where a value is missing."""

    def decode(self, numbers: NDArray[np.float64], restores: bool) -> NDArray:
        """Return values; what was an integer is one again if it `restores`."""


@dataclass(frozen=True)
class MissingColumn:
    """No value is known: the numbers are zeros, and the values stay missing."""

    nothing: NDArray  # one missing value
    kind: str
    suffixes: tuple[str, ...] = ("",)

    def encode(self, values: NDArray, out: NDArray[np.float64]) -> None:
        """Write zeros."""
        out[:] = 0.0

    def decode(self, numbers: NDArray[np.float64], restores: bool) -> NDArray:
        """Return missing values."""
        return np.repeat(self.nothing, len(numbers))


@dataclass(frozen=True)
class NumericColumn:
    """Numbers, brought to a common scale by a transformer of scikit-learn."""

    scaler: Any
    is_integer: bool
    smallest: float
    largest: float
    kind: str = NUMBERS
    suffixes: tuple[str, ...] = ("",)

    @classmethod
    def learn(cls, values: Values, scaler: Any) -> Self:
        """Fit a copy of the transformer to the values that are known."""
        known = values.array[~values.is_missing]
        if values.is_integer and np.abs(known).max() > 2.0**53:
            raise ValueError(
                "it holds integers beyond 2**53, which float64 cannot tell apart. Drop "
                "it, or name it in categorical_features."
            )
        is_far = np.abs(known).max() > 1e150 or 0 < np.ptp(known) < 1e-150
        with np.errstate(all="ignore" if is_far else None):
            fitted = clone(scaler).fit(known[:, None])
            spread = np.ptp(fitted.transform(known[:, None])) if is_far else 1.0
        if not 1e-150 < spread < 1e150:
            raise ValueError("its squares are beyond float64. Change its unit.")
        return cls(fitted, values.is_integer, known.min(), known.max())

    def spanning(self, values: NDArray) -> Self:
        """Return the column whose range holds other values, too."""
        ends = self.smallest, *values.astype(np.float64), self.largest
        return replace(self, smallest=np.min(ends), largest=np.max(ends))

    def encode(self, values: NDArray, out: NDArray[np.float64]) -> None:
        """Write what the transformer makes of the numbers."""
        out[:] = self.scaler.transform(values[:, None])

    def decode(self, numbers: NDArray[np.float64], restores: bool) -> NDArray:
        """Return numbers in their own unit, integers within the range that was seen."""
        # A power has no inverse beyond some number, which NumPy warns of.
        with warnings.catch_warnings(action="ignore", category=RuntimeWarning):
            values: NDArray = self.scaler.inverse_transform(numbers)[:, 0]
        is_lost = np.isnan(values) & ~np.isnan(numbers[:, 0])
        if is_lost.any():
            ends = np.array([self.smallest, self.largest])
            encoded = self.scaler.transform(ends[:, None])[:, 0]
            distances = np.abs(numbers[is_lost] - encoded)
            values[is_lost] = ends[distances.argmin(axis=1)]
        if restores and self.is_integer:
            values = values.round().clip(self.smallest, self.largest)
            return values if np.isnan(values).any() else values.astype(np.int64)
        return values


@dataclass(frozen=True)
class TimeColumn:
    """Dates or durations, as numbers of steps since the first one.

    A step is what all differences are multiples of, so that values come back exactly;
    but there are at most 2**52 steps, which float64 can count.
    """

    first: int
    step: int
    dtype: np.dtype
    numeric: NumericColumn
    kind: str
    suffixes: tuple[str, ...] = ("",)

    @classmethod
    def learn(cls, values: Values, scaler: Any) -> Self:
        """Find the step, and the scale of the numbers of steps."""
        known = values.array[~values.is_missing]
        ticks = known.astype(np.int64)
        first, span = int(ticks.min()), int(ticks.max()) - int(ticks.min())
        step = 1 if span >= 2**63 else int(np.gcd.reduce(ticks - first)) or 1
        step = max(step, span // 2**52)
        steps = Values(_steps(known, first, step), is_integer=True)
        numeric = NumericColumn.learn(steps, scaler)
        return cls(first, step, known.dtype, numeric, values.kind)

    def spanning(self, values: NDArray) -> Self:
        """Return the column whose range holds other values, too."""
        steps = _steps(values.astype(self.dtype), self.first, self.step)
        return replace(self, numeric=self.numeric.spanning(steps))

    def encode(self, values: NDArray, out: NDArray[np.float64]) -> None:
        """Write what the transformer makes of the numbers of steps."""
        steps = _steps(values.astype(self.dtype), self.first, self.step)
        self.numeric.encode(steps, out)

    def decode(self, numbers: NDArray[np.float64], restores: bool) -> NDArray:
        """Return dates or durations within the range that was seen."""
        steps = self.numeric.decode(numbers, restores=True).astype(np.float64)
        missing = np.isnan(steps)
        ticks = np.where(missing, 0, steps).astype(np.int64) * self.step + self.first
        found: NDArray = ticks.astype(self.dtype)
        found[missing] = np.array("NaT", dtype=self.dtype)
        return found


def _steps(values: NDArray, first: int, step: int) -> NDArray[np.float64]:
    """Return numbers of steps; NaN where a value is missing."""
    ticks = values.astype(np.int64)
    # Differences of dates that are centuries apart may be beyond int64.
    far = ticks.astype(np.float64) - first
    steps = np.where(np.abs(far) < 2.0**62, ticks - np.int64(first), far) / step
    return np.where(np.isnat(values), np.nan, steps)


@dataclass(frozen=True)
class CategoryColumn:
    """Categories, one indicator for each, which is centred unless it is to be sparse.

    Their squared error is the Brier score, and their variance the Gini impurity, at
    most 1 as for a number. Scales as in factor analysis of mixed data give columns of
    many categories most of the codes (mixed benchmark).

    Brier, G. W. (1950). "Verification of forecasts expressed in terms of probability".
    Monthly Weather Review 78(1), 1-3.

    Parameters
    ----------
    encoder : OneHotEncoder
        Fitted to the values that are known.
    shares : ndarray of shape (n_categories,)
        How often each is seen; a group of rare ones counts as one. Zeros where
        indicators are not centred.
    labels : ndarray of shape (n_categories,)
        What each is decoded to; a group is decoded to the most frequent of its members.
    """

    encoder: OneHotEncoder
    shares: NDArray[np.float64]
    labels: NDArray
    suffixes: list[str]
    encodes_missing: bool = False
    kind: str = CATEGORIES

    @classmethod
    def learn(
        cls, values: Values, encoder: OneHotEncoder, is_kept: bool, is_centred: bool
    ) -> Self:
        """Fit a copy of the encoder, to missing values too if these are kept."""
        known = values.array if is_kept else values.array[~values.is_missing]
        fitted = clone(encoder)
        if fitted.min_frequency is None and len(set(known)) <= (
            fitted.max_categories or 0
        ):
            fitted.max_categories = None  # a group needs counts, which take time
        fitted.fit(known[:, None])
        shares = np.asarray(fitted.transform(known[:, None]).mean(axis=0)).ravel()
        shares *= is_centred
        names = fitted.get_feature_names_out([""])
        return cls(fitted, shares, _labels(fitted, known), list(names), is_kept)

    def encode(self, values: NDArray, out: NDArray[np.float64]) -> None:
        """Write indicators."""
        missing, rows, categories = self._indicated(values)
        out[:] = -self.shares
        out[missing] = np.nan
        out[rows, categories] += 1.0

    def indicators(self, values: NDArray) -> csr_array:
        """Return indicators that are not centred, NaN where a value is missing."""
        missing, rows, categories = self._indicated(values)
        n_categories = len(self.labels)
        ones, holes = np.ones(len(rows)), np.full(len(missing) * n_categories, np.nan)
        rows = np.append(rows, missing.repeat(n_categories))
        columns = np.append(categories, np.tile(range(n_categories), len(missing)))
        shape = len(values), n_categories
        return csr_array((np.append(ones, holes), (rows, columns)), shape=shape)

    def _indicated(self, values: NDArray) -> tuple[NDArray, NDArray, NDArray]:
        """Return rows without a value, and the rows and columns of ones."""
        lacks = np.zeros(len(values), dtype=bool)
        if not self.encodes_missing:
            lacks = is_none(values)
        rows, categories = np.flatnonzero(~lacks), np.zeros(0, dtype=np.intp)
        if len(rows):
            found = self.encoder.transform(values[rows, None]).nonzero()
            rows, categories = rows[found[0]], found[1]
        return np.flatnonzero(lacks), rows, categories

    def decode(self, numbers: NDArray[np.float64], restores: bool) -> NDArray:
        """Return the categories of the largest indicators; None where there is none."""
        indicators = numbers + self.shares
        missing = np.isnan(indicators).any(axis=1)
        unknown = self.encoder.handle_unknown != "error"
        missing |= unknown & (np.abs(indicators) < 1e-9).all(axis=1)
        values: NDArray = self.labels[
            np.where(missing[:, None], 0, indicators).argmax(1)
        ]
        values[missing] = None
        return values


def _labels(encoder: OneHotEncoder, known: NDArray) -> NDArray:
    """Return what the columns of an encoder are decoded to."""
    categories = encoder.categories_[0].astype(object)
    (rare,) = getattr(encoder, "infrequent_categories_", [None])
    if rare is None:
        return objects(categories)
    is_rare = np.isin(categories, rare)
    members = categories[is_rare]
    counts = [np.equal(known, member).sum() for member in members]
    common = members[int(np.argmax(counts))]
    return objects([*categories[~is_rare], common])


def learn_column(
    values: Values,
    *,
    scaler: Any,
    encoder: OneHotEncoder,
    keeps_missing: bool,
    is_centred: bool,
) -> Column:
    """Learn how to encode a column, by the dtype of its values."""
    is_category = values.kind == CATEGORIES
    if values.is_missing.all() and not (is_category and keeps_missing):
        return MissingColumn(values.array[:1], values.kind)
    if is_category:
        return CategoryColumn.learn(values, encoder, keeps_missing, is_centred)
    if values.kind == NUMBERS:
        return NumericColumn.learn(values, scaler)
    return TimeColumn.learn(values, scaler)


def what_is_spelled(column: Column) -> str | None:
    """Return what to say of many categories that spell dates or fractions, if they do.

    Numbers without a point may be codes, such as postal ones.
    """
    labels = getattr(column, "labels", ())
    names = [str(one) for one in labels if isinstance(one, str | Decimal)]
    day = r"(\d{4}([-/.])\d\d?\2\d\d?|\d\d?([-/.])\d\d?\3(\d\d){1,2})([ T].*)?"
    fraction = r"[-+]?\d*\.\d+(e[-+]?\d+)?"
    words = {"datetime": "dates", "numeric": "numbers"}
    for what, pattern in {"datetime": day, "numeric": fraction}.items():
        n_found = sum(re.fullmatch(pattern, name) is not None for name in names)
        if n_found > max(10, 0.9 * len(names)):
            return (
                f"spells {words[what]}, which become categories. Convert it, for "
                f"instance with pandas.to_{what}, or name it in categorical_features."
            )
    return None


def encode_sparse(column: Column, values: NDArray) -> csr_array:
    """Return the numbers of a column as a sparse matrix."""
    if isinstance(column, CategoryColumn):
        return column.indicators(values)
    numbers = np.empty((len(values), 1))
    column.encode(values, numbers)
    return csr_array(numbers)
