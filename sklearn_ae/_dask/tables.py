"""TableEncoder for frames on a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from numbers import Integral
from typing import Any, Self

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from sklearn_ae._dask.blocks import (
    Blocks,
    Place,
    check_names,
    in_rows,
    is_dask,
    merged,
)
from sklearn_ae._dask.local import LocalMixin, applied
from sklearn_ae._dask.waiting import computed
from sklearn_ae._data import hash_limit, hashes_of, n_drawn
from sklearn_ae._table import Column, NumericColumn, TimeColumn, validated_table
from sklearn_ae._table_encoder import TableEncoder as Local

# Of the draw, which the parameters of the encoder do not name.
SEED = 0
# More distinct values are no categories.
MOST_CATEGORIES = 100_000


class TableEncoder(LocalMixin, Local):
    """Encode a table of mixed columns as a matrix, and back, for frames of Dask.

    Parameters, attributes and results are those of :class:`sklearn_ae.TableEncoder`.
    `fit` reads all rows once, on the workers, and learns from at most 262,144 of them,
    drawn at random, from all categories (up to 100,000 of a column), and from the
    range of all numbers and dates. A table of so few rows gives what the other class
    gives. What is not of Dask is handed to that.

    Parameters
    ----------
    **params : dict
        As there, but `sparse_output=True` is not supported, and with more rows than are
        drawn `min_frequency` has to be a share.

    Examples
    --------
    >>> import dask.dataframe as dd
    >>> import pandas as pd
    >>> from sklearn_ae.dask import TableEncoder
    >>> table = pd.DataFrame({"size": [1.0, 2.0, 4.0], "colour": ["a", "b", "a"]})
    >>> encoded = TableEncoder().fit_transform(dd.from_pandas(table, npartitions=2))
    >>> encoded.columns.tolist()
    ['size', 'colour_a', 'colour_b']
    """

    _local = Local

    def fit(self, X: Any, y: object = None) -> Self:
        """Learn how to encode the columns of `X`.

        Parameters
        ----------
        X : DataFrame of Dask, of shape (n_samples, n_features)
            Numbers, booleans, categories, strings, dates or durations.
        y : Ignored
            Ignored.

        Returns
        -------
        self : TableEncoder
            The fitted encoder.

        Raises
        ------
        TypeError
            If `X` is an array of Dask, or as in the other class.
        ValueError
            As in the other class.
        RuntimeError
            If the cluster has no worker for `sklearn_ae.patience` seconds.
        """
        if not is_dask(X):
            return super().fit(X, y)
        _check_frame(X)
        if self.sparse_output:
            raise ValueError(
                "sparse_output=True cannot be used with Dask. Set sparse_output=False."
            )
        blocks, draft = Blocks.of(X), Local(**self.get_params(deep=False))
        validated_table(draft, X._meta_nonempty, reset=True)
        most = n_drawn(blocks.n_features)
        if isinstance(self.min_frequency, Integral) and blocks.n_rows > most:
            raise ValueError(
                f"min_frequency={self.min_frequency!r} counts rows, but of "
                f"{blocks.n_rows} rows {most} are drawn. Give a share, such as 0.001."
            )
        asked = draft._are_categories()
        limit = hash_limit(blocks.n_rows, most)
        read = partial(_drawn, names=list(X.columns), asked=asked, limit=limit)
        join = partial(_joined, most=most, asked=asked)
        whole = computed(merged(blocks.map(read), join))
        super().fit(whole.frame(asked))
        self._columns = [
            _spanning(column, seen)
            for column, seen in zip(self._columns, whole.seen, strict=True)
        ]
        return self

    def transform(self, X: Any) -> Any:
        """Encode a table, when the result is computed.

        Parameters
        ----------
        X : DataFrame of Dask, of shape (n_samples, n_features)
            Columns as in `fit`.

        Returns
        -------
        encoded : DataFrame of Dask, of shape (n_samples, n_encoded)
            Of float64, with the index of `X`.
        """
        if not is_dask(X):
            return super().transform(X)
        _check_frame(X)
        check_is_fitted(self)
        validated_table(self, X._meta_nonempty, reset=False)
        names = self.get_feature_names_out().tolist()
        none = np.empty((0, len(names)))
        meta = pd.DataFrame(none, index=X._meta.index, columns=names)
        encode, model = dask.delayed(_encoded), self._later()
        parts = [
            encode(part, number, model, names)
            for number, part in enumerate(X.to_delayed())
        ]
        return dd.from_delayed(parts, meta=meta, divisions=X.divisions)

    def inverse_transform(self, X: Any) -> Any:
        """Decode a matrix, when the result is computed.

        Parameters
        ----------
        X : array or DataFrame of Dask, of shape (n_samples, n_encoded)
            What `transform` gives, or a reconstruction of it.

        Returns
        -------
        table : DataFrame of Dask, of shape (n_samples, n_features)
            Of the columns, dtypes and categories that `fit` has seen, with the index of
            `X`; that of an array counts the rows of each block.
        """
        if not is_dask(X):
            return super().inverse_transform(X)
        check_is_fitted(self)
        empty = super().inverse_transform(np.zeros((1, self._ends[-1]))).iloc[:0]
        decode, model = dask.delayed(_decoded), self._later()
        if isinstance(X, dd.DataFrame):
            parts, divisions = X.to_delayed(), X.divisions
            empty.index = X._meta.index
        else:
            parts = in_rows(X).to_delayed().ravel()
            divisions = (None,) * (len(parts) + 1)
        decoded = [decode(part, model) for part in parts]
        return dd.from_delayed(
            decoded, meta=empty, divisions=divisions, verify_meta=False
        )


@dataclass(frozen=True)
class _Part:
    """Rows drawn at random, and of each column values that all rows show."""

    rows: pd.DataFrame
    hashes: NDArray[np.uint64]
    numbers: NDArray[np.int64]
    seen: list[pd.Series]  # categories, or the lowest and the highest value

    def frame(self, asked: Sequence[bool]) -> pd.DataFrame:
        """Return the rows, and as many more as show categories that they lack."""
        columns = [self.rows.iloc[:, i] for i in range(self.rows.shape[1])]
        lacking = [
            seen[[]]
            if _is_measured(seen) and not is_asked
            else seen[~seen.isin(column)].dropna()
            for seen, column, is_asked in zip(self.seen, columns, asked, strict=True)
        ]
        n_more = max(map(len, lacking))
        if n_more == 0:
            return self.rows
        again = np.resize(np.arange(len(self.rows)), n_more)
        extended = [
            pd.concat([column, more, column.iloc[again[len(more) :]]])
            for column, more in zip(columns, lacking, strict=True)
        ]
        parts = {i: c.reset_index(drop=True) for i, c in enumerate(extended)}
        return pd.DataFrame(parts).set_axis(self.rows.columns, axis=1)


def _spanning(column: Column, seen: pd.Series) -> Column:
    """Return a column whose range holds what was seen, if it has one."""
    if isinstance(column, TimeColumn):
        return column.spanning(seen.to_numpy(dtype=column.dtype))
    if isinstance(column, NumericColumn):
        return column.spanning(seen.to_numpy(dtype=np.float64))
    return column


def _check_frame(X: Any) -> None:
    """Raise unless columns may differ in their dtypes."""
    if isinstance(X, da.Array):
        raise TypeError(
            "X is an array of Dask, whose columns are all of one kind. Pass a "
            "DataFrame, for instance with dask.dataframe.from_dask_array."
        )


def _drawn(
    frame: pd.DataFrame,
    place: Place,
    names: Sequence[Any],
    asked: Sequence[bool],
    limit: int,
) -> _Part:
    """Draw rows of a part, and tell what its columns hold."""
    with place.named():
        check_names(frame, names)
        numbers = np.arange(place.first, place.first + len(frame))
        hashes = hashes_of(numbers, SEED)
        kept = np.flatnonzero(hashes <= np.uint64(limit))
        columns = (frame.iloc[:, i] for i in range(len(asked)))
        seen = [_shown(*given) for given in zip(columns, asked, strict=True)]
    return _Part(frame.iloc[kept], hashes[kept], numbers[kept], seen)


def _joined(parts: Sequence[_Part], most: int, asked: Sequence[bool]) -> _Part:
    """Join what was drawn of parts."""
    hashes = np.concatenate([part.hashes for part in parts])
    numbers = np.concatenate([part.numbers for part in parts])
    chosen = np.lexsort((numbers, hashes))[:most]
    chosen = chosen[np.argsort(numbers[chosen])]
    rows = pd.concat([part.rows for part in parts]).iloc[chosen]
    columns = zip(*(part.seen for part in parts), strict=True)
    seen = [_shown(pd.concat(c), a) for c, a in zip(columns, asked, strict=True)]
    return _Part(rows, hashes[chosen], numbers[chosen], seen)


def _shown(column: pd.Series, is_category: bool) -> pd.Series:
    """Return the values that a column has, of numbers and dates their range."""
    if is_category or not _is_measured(column):
        return column.drop_duplicates()[:MOST_CATEGORIES]
    known = column.dropna()
    return known.iloc[[int(known.argmin()), int(known.argmax())] if len(known) else []]


def _is_measured(column: pd.Series) -> bool:
    """Whether a column holds numbers, dates or durations."""
    kinds = pd.api.types
    is_number = kinds.is_numeric_dtype(column) and not kinds.is_bool_dtype(column)
    is_time = kinds.is_datetime64_any_dtype(column)
    return is_number or is_time or kinds.is_timedelta64_dtype(column)


def _encoded(
    frame: pd.DataFrame, number: int, model: Local, names: list[str]
) -> pd.DataFrame:
    """Encode a part."""
    encoded = np.empty((0, len(names)))
    if len(frame) > 0:
        with Place(number).named():
            encoded = applied(model, "transform", frame)
    return pd.DataFrame(encoded, index=frame.index, columns=names)


def _decoded(rows: Any, model: Local) -> pd.DataFrame:
    """Decode a block."""
    numbers = np.asarray(rows)
    if len(rows) == 0:
        numbers = np.zeros((1, numbers.shape[1]))
    decoded: pd.DataFrame = model.inverse_transform(numbers)[: len(rows)]
    return decoded.set_index(rows.index) if hasattr(rows, "index") else decoded
