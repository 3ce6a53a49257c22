"""What is learned of a column: how its values become numbers, and numbers values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.preprocessing import OneHotEncoder

from sklearn_ae._table.frames import CATEGORIES, Values, is_none, objects


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
    kind: str = "numbers"
    suffixes: tuple[str, ...] = ("",)

    @classmethod
    def learn(cls, values: Values, scaler: Any) -> Self:
        """Fit a copy of the transformer to the values that are known."""
        known = values.array[~np.isnan(values.array)]
        fitted = clone(scaler).fit(known[:, None])
        return cls(fitted, values.is_integer, known.min(), known.max())

    def encode(self, values: NDArray, out: NDArray[np.float64]) -> None:
        """Write what the transformer makes of the numbers."""
        out[:] = self.scaler.transform(values[:, None])

    def decode(self, numbers: NDArray[np.float64], restores: bool) -> NDArray:
        """Return numbers in their own unit, integers within the range that was seen."""
        values: NDArray = self.scaler.inverse_transform(numbers)[:, 0]
        if restores and self.is_integer:
            values = values.round().clip(self.smallest, self.largest)
            return values if np.isnan(values).any() else values.astype(np.int64)
        return values


@dataclass(frozen=True)
class TimeColumn:
    """Dates or durations, as numbers of steps since the first one.

    A step is what all differences are multiples of, so that values come back exactly.
    """

    first: Any
    step: Any
    numeric: NumericColumn
    kind: str
    suffixes: tuple[str, ...] = ("",)

    @classmethod
    def learn(cls, values: Values, scaler: Any, kind: str) -> Self:
        """Find the step, and the scale of the numbers of steps."""
        known = values.array[~np.isnat(values.array)]
        first = known.min()
        ticks = (known - first).astype(np.int64)
        step = (known - first).dtype.type(max(np.gcd.reduce(ticks), 1), _unit(known))
        steps = Values((known - first) / step, is_integer=True)
        return cls(first, step, NumericColumn.learn(steps, scaler), kind)

    def encode(self, values: NDArray, out: NDArray[np.float64]) -> None:
        """Write what the transformer makes of the numbers of steps."""
        self.numeric.encode((values - self.first) / self.step, out)

    def decode(self, numbers: NDArray[np.float64], restores: bool) -> NDArray:
        """Return dates or durations within the range that was seen."""
        steps = self.numeric.decode(numbers, restores=True).astype(np.float64)
        missing = np.isnan(steps)
        found: NDArray = (
            self.first + np.where(missing, 0, steps).astype(int) * self.step
        )
        found[missing] = np.array("NaT", dtype=found.dtype)
        return found


def _unit(values: NDArray) -> str:
    return np.datetime_data(values.dtype)[0]


@dataclass(frozen=True)
class CategoryColumn:
    """Categories, one centred indicator for each.

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
        How often each is seen; a group of rare ones counts as one.
    labels : ndarray of shape (n_categories,)
        What each is decoded to; a group is decoded to the most frequent of its members.
    """

    encoder: OneHotEncoder
    shares: NDArray[np.float64]
    labels: NDArray
    suffixes: list[str]
    kind: str = CATEGORIES

    @classmethod
    def learn(cls, values: Values, encoder: OneHotEncoder, is_kept: bool) -> Self:
        """Fit a copy of the encoder, to missing values too if these are kept."""
        known = values.array if is_kept else values.array[~values.is_missing]
        fitted = clone(encoder).fit(known[:, None])
        shares = np.asarray(fitted.transform(known[:, None]).mean(axis=0)).ravel()
        names = fitted.get_feature_names_out([""])
        return cls(fitted, shares, _labels(fitted, known), list(names))

    def encode(self, values: NDArray, out: NDArray[np.float64]) -> None:
        """Write centred indicators."""
        out[:] = -self.shares
        rows = np.arange(len(values))
        if None not in self.encoder.categories_[0]:
            is_known = ~is_none(values)
            out[~is_known] = np.nan
            rows = rows[is_known]
        if len(rows):
            where, category = self.encoder.transform(values[rows, None]).nonzero()
            out[rows[where], category] += 1.0

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
    rare = encoder.infrequent_categories_[0] if _has_groups(encoder) else None
    if rare is None:
        return objects(categories)
    is_rare = np.isin(categories, rare)
    members = categories[is_rare]
    counts = [np.equal(known, member).sum() for member in members]
    common = members[int(np.argmax(counts))]
    return objects([*categories[~is_rare], common])


def _has_groups(encoder: OneHotEncoder) -> bool:
    return encoder.min_frequency is not None or encoder.max_categories is not None


def learn_column(
    values: Values, *, scaler: Any, encoder: OneHotEncoder, keeps_missing: bool
) -> Column:
    """Learn how to encode a column, by the dtype of its values."""
    missing, kind = values.is_missing, values.kind
    if kind == CATEGORIES:
        if keeps_missing or not missing.all():
            return CategoryColumn.learn(values, encoder, keeps_missing)
        return MissingColumn(values.array[:1], kind)
    if missing.all():
        return MissingColumn(values.array[:1], kind)
    if kind == "numbers":
        return NumericColumn.learn(values, scaler)
    return TimeColumn.learn(values, scaler, kind)
