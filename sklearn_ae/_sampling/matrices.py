"""Tables as the matrices of numbers in which residuals are measured, and back."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

from sklearn_ae._table import (
    CATEGORIES,
    NUMBERS,
    ArrayReader,
    Reader,
    Values,
    reader_of,
)


class Matrices(NamedTuple):
    """What turns tables and codes to matrices, and matrices to tables.

    A matrix is what the `TableEncoder` gives that is the first step of a Pipeline; with
    other transformers, it has the numbers of the table.
    """

    transformer: Any  # fitted
    encoder: Any  # the `TableEncoder` in front, or None
    reader: Reader  # of the table in fit

    def of_table(self, X: Any) -> NDArray[np.float64]:
        """Return the matrix of a table."""
        if self.encoder is not None:
            return _dense(self.encoder.transform(X))
        return numbers_of(X)

    def of_codes(self, codes: NDArray) -> NDArray[np.float64]:
        """Return the matrix that codes are decoded to."""
        decoder = self.transformer
        if self.encoder is not None:
            if decoder is self.encoder or len(decoder) == 1:
                return np.array(codes)
            decoder = decoder[1:]
        return _dense(decoder.inverse_transform(codes))

    def in_units(self, matrix: NDArray) -> NDArray[np.float64]:
        """Return a matrix whose numbers are in the units of the table."""
        matrix = matrix.copy()
        for column, places, weight in self._parts():
            if column.kind == NUMBERS:
                encoded = matrix[:, places] / weight**0.5
                matrix[:, places.start] = column.decode(encoded, restores=False)
        return matrix

    def with_numbers(self, matrix: NDArray, X: Any) -> NDArray[np.float64]:
        """Return the matrix of a table with its numbers as they are, bit by bit."""
        matrix = matrix.copy()
        for i, (column, places, _) in enumerate(self._parts()):
            if column.kind == NUMBERS:
                matrix[:, places.start] = self.reader.read(X, i, False).array
        return matrix

    def table(self, matrix: NDArray) -> Any:
        """Return the table of a matrix with numbers in the units of the table."""
        reader, columns = self.reader, [*matrix.T]
        if self.encoder is not None:
            columns = []
            for column, places, weight in self._parts():
                part = matrix[:, places]
                is_number = column.kind == NUMBERS
                decoded = None if is_number else column.decode(part / weight**0.5, True)
                columns.append(part[:, 0] if decoded is None else decoded)
        if isinstance(reader, ArrayReader) and reader.dtype.kind in "biuf":
            return np.column_stack(columns).astype(reader.dtype)
        return reader.build(columns, restores=True)

    def kinds(self, X: Any) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return which columns of the matrix are indicators, and which integers."""
        if self.encoder is None:
            values = [self.reader.read(X, i, False) for i in range(X.shape[1])]
            integers = [one.is_integer or one.array.dtype != float for one in values]
            return np.zeros(X.shape[1], dtype=bool), np.array(integers)
        columns = [column for column, _, _ in self._parts()]
        widths = [len(column.suffixes) for column in columns]
        indicators = [column.kind == CATEGORIES for column in columns]
        integers = [bool(getattr(column, "is_integer", False)) for column in columns]
        return np.repeat(indicators, widths), np.repeat(integers, widths)

    def _parts(self) -> Iterator[tuple[Any, slice, float]]:
        """Yield the columns of the encoder, where they are in a matrix, and weights."""
        if self.encoder is None:
            return
        start = 0
        pairs = zip(self.encoder._columns, self.encoder._weights, strict=True)
        for column, weight in pairs:
            yield column, slice(start, start + len(column.suffixes)), float(weight)
            start += len(column.suffixes)


def codes_of(transformer: Any, X: Any) -> NDArray[np.float64]:
    """Return the codes of a table."""
    return _dense(transformer.transform(X))


def numbers_of(X: Any) -> NDArray[np.float64]:
    """Return the numbers and booleans of a table; TypeError for other columns."""
    reader, columns = reader_of(X), []
    for i in range(X.shape[1]):
        values = reader.read(X, i, False)
        if values.kind != NUMBERS and not _are_plain(values):
            name = X.columns[i] if hasattr(X, "columns") else i
            raise TypeError(
                f"Column {name!r} holds {values.kind}, no numbers. Put TableEncoder in "
                "front: make_pipeline(TableEncoder(), AutoencoderTransformer(...))."
            )
        columns.append(_as_numbers(values))
    return np.column_stack(columns)


def _are_plain(values: Values) -> bool:
    """Whether values that are read as categories are booleans, or no text at least."""
    return values.kind == CATEGORIES and not any(
        isinstance(value, str | bytes) for value in values.array
    )


def _as_numbers(values: Values) -> NDArray[np.float64]:
    """Return numbers, or booleans as 0 and 1."""
    numbers = np.full(len(values.array), np.nan)
    is_known = ~values.is_missing
    numbers[is_known] = values.array[is_known]
    return numbers


def _dense(X: Any) -> NDArray[np.float64]:
    """Return a copy of a matrix as an array."""
    return np.array(X.toarray() if issparse(X) else X, dtype=np.float64)
