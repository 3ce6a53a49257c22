"""The estimator that turns a table of mixed columns into a matrix, and back."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array, hstack, issparse
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils import check_array
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import (
    _check_feature_names_in,
    check_is_fitted,
)

from sklearn_ae._advice import advise
from sklearn_ae._persistence import PersistenceMixin, check_table, need, saved
from sklearn_ae._table import (
    NOTHING,
    Values,
    encode_sparse,
    learn_column,
    reader_of,
    table_tags,
    validated_table,
    what_is_spelled,
)


@saved("_reader", "_columns", "_weights", "_are_asked_for")
class TableEncoder(PersistenceMixin, TransformerMixin, BaseEstimator):
    """Encode a table of numbers, categories and dates as a matrix, and decode it.

    Numbers and dates are standardised, a category is one-hot and centred, so that its
    squared error is the Brier score. Missing values become NaN, which
    :class:`AutoencoderTransformer` understands. `inverse_transform` gives a table of
    the same columns and dtypes.

    Parameters
    ----------
    categorical_features : "from_dtype" or array-like, default="from_dtype"
        Columns whose values are categories, as a mask, indices or names. Columns of
        booleans, strings and categories always are, those of objects unless all of
        them are numbers or times.
    numeric_transformer : transformer or None, default=None
        What brings numbers to a common scale; it needs `inverse_transform` and has to
        keep NaN. None is `StandardScaler()`; `PowerTransformer()` or
        `QuantileTransformer(output_distribution="normal")` suit skewed columns.
    handle_unknown : {"error", "ignore", "infrequent_if_exist"}, default="ignore"
        What `transform` does with a category that `fit` has not seen, as in
        :class:`~sklearn.preprocessing.OneHotEncoder`: "ignore" takes it for none of
        those seen.
    min_frequency : int, float or None, default=None
        Categories seen less often, as a count or a share, form one group, which is
        decoded to its most frequent member.
    max_categories : int or None, default=255
        The most columns that a categorical column becomes; beyond, the rarest
        categories form one group.
    encode_missing : bool, default=False
        Whether a missing category is a category of its own instead of NaN.
    column_weight : dict, array-like of shape (n_features,) or None, default=None
        Shares of columns in the squared errors, as multiples: by name, or one for each
        column. What a dict does not name has 1.
    sparse_output : bool, default=False
        Whether `transform` gives a CSR array, for many categories. Indicators are not
        centred then, which PCA and the autoencoder do by themselves.
    restore_dtypes : bool, default=True
        Whether `inverse_transform` rounds what were integers, within the range that
        was seen, and gives each column its dtype. False leaves numbers as float64.

    Attributes
    ----------
    n_features_in_, feature_names_in_ : int, ndarray of shape (n_features_in_,)
        Number of columns seen during `fit`, and their names, if all are strings.

    See Also
    --------
    sklearn.compose.ColumnTransformer : Other encodings, without a way back.

    References
    ----------
    Brier, G. W. (1950). "Verification of forecasts expressed in terms of probability".
    Monthly Weather Review 78(1), 1-3.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_ae import TableEncoder
    >>> df = pd.DataFrame({"size": [1, 2, 6], "colour": ["red", "blue", "red"]})
    >>> encoder = TableEncoder().fit(df)
    >>> encoder.transform(df).shape
    (3, 3)
    >>> encoder.inverse_transform(encoder.transform(df)).equals(df)
    True
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "categorical_features": [StrOptions({"from_dtype"}), "array-like"],
        "numeric_transformer": [
            HasMethods(["fit", "transform", "inverse_transform"]),
            None,
        ],
        "handle_unknown": [StrOptions({"error", "ignore", "infrequent_if_exist"})],
        "min_frequency": [
            Interval(Integral, 1, None, closed="left"),
            Interval(Real, 0, 1, closed="neither"),
            None,
        ],
        "max_categories": [Interval(Integral, 1, None, closed="left"), None],
        "encode_missing": ["boolean"],
        "column_weight": [dict, "array-like", None],
        "sparse_output": ["boolean"],
        "restore_dtypes": ["boolean"],
    }

    def __init__(
        self,
        *,
        categorical_features: Any = "from_dtype",
        numeric_transformer: Any = None,
        handle_unknown: str = "ignore",
        min_frequency: float | None = None,
        max_categories: int | None = 255,
        encode_missing: bool = False,
        column_weight: Mapping[str, float] | ArrayLike | None = None,
        sparse_output: bool = False,
        restore_dtypes: bool = True,
    ) -> None:
        self.categorical_features = categorical_features
        self.numeric_transformer = numeric_transformer
        self.handle_unknown = handle_unknown
        self.min_frequency = min_frequency
        self.max_categories = max_categories
        self.encode_missing = encode_missing
        self.column_weight = column_weight
        self.sparse_output = sparse_output
        self.restore_dtypes = restore_dtypes

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: object = None) -> Self:
        """Learn the columns.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            A frame of pandas or polars, or an array.
        y : None
            Ignored.

        Returns
        -------
        self : TableEncoder
            The fitted encoder.

        Raises
        ------
        TypeError
            If a column holds what is neither number, category nor date.
        ValueError
            If a number or its square is infinite, or a parameter names no column.
        """
        X = validated_table(self, X, reset=True)
        self.__dict__.pop("_columns", None)  # of an earlier fit
        reader, scaler = reader_of(X), self.numeric_transformer
        encoder = OneHotEncoder(
            handle_unknown=self.handle_unknown,
            min_frequency=self.min_frequency,
            max_categories=self.max_categories,
        )
        self._are_asked_for, columns = self._are_categories(), []
        for i, is_category in enumerate(self._are_asked_for):
            with self._named(i):
                column = learn_column(
                    _finite(reader.read(X, i, is_category)),
                    scaler=StandardScaler() if scaler is None else scaler,
                    encoder=encoder,
                    keeps_missing=self.encode_missing,
                    is_centred=not self.sparse_output,
                )
            columns.append(column)
            found = None if self._are_asked_for[i] else what_is_spelled(column)
            if found is not None:
                advise(f"{self._name(i)} {found}")
        self._weights = self._column_weights()
        self._reader, self._columns = reader, columns
        self._set_ends()
        return self

    def transform(self, X: Any) -> NDArray[np.float64] | csr_array:
        """Encode a table.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Columns as in `fit`.

        Returns
        -------
        encoded : ndarray or CSR array of shape (n_samples, n_encoded)
            Of float64, NaN where a value is missing.

        Raises
        ------
        TypeError
            If a column is of another kind than in `fit`.
        ValueError
            If the columns are others, a number is infinite, or a category is unknown
            with `handle_unknown="error"`.
        """
        check_is_fitted(self)
        X = validated_table(self, X, reset=False)
        reader = reader_of(X)
        dense = np.empty((0 if self.sparse_output else len(X), self._ends[-1]))
        parts: list[Any] = np.split(dense, self._ends[:-1], axis=1)
        for i, column in enumerate(self._columns):
            with self._named(i):
                found = _finite(reader.read(X, i, self._are_asked_for[i]))
                values = _of_kind(found, column.kind)
                if self.sparse_output:
                    parts[i] = encode_sparse(column, values)
                else:
                    column.encode(values, parts[i])
            parts[i] *= self._weights[i] ** 0.5
        return hstack(parts, format="csr") if self.sparse_output else dense

    def inverse_transform(self, X: ArrayLike) -> Any:
        """Decode a matrix.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_encoded)
            What `transform` gives, or a reconstruction of it.

        Returns
        -------
        table : DataFrame or ndarray of shape (n_samples, n_features)
            Of the columns, dtypes and categories that `fit` has seen, in their order.

        Raises
        ------
        ValueError
            If the number of columns is another than that of `transform`.
        """
        check_is_fitted(self)
        encoded = check_array(
            X, accept_sparse="csc", dtype=np.float64, ensure_all_finite="allow-nan"
        )
        if encoded.shape[1] != self._ends[-1]:
            raise ValueError(
                f"X has {encoded.shape[1]} columns, but transform gives "
                f"{self._ends[-1]}. Pass what transform gives, or its reconstruction."
            )
        columns = []
        for i, column in enumerate(self._columns):
            last = self._ends[i]
            part = encoded[:, last - len(column.suffixes) : last]
            part = part.toarray() if issparse(part) else part
            numbers = part / self._weights[i] ** 0.5
            columns.append(column.decode(numbers, self.restore_dtypes))
        return self._reader.build(columns, self.restore_dtypes)

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray:
        """Return names of the encoded columns.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Names of the columns; None stands for those that `fit` has seen, or x0, x1,
            and so on.

        Returns
        -------
        names : ndarray of str objects of shape (n_encoded,)
            A number has the name of its column, a category its own after it.
        """
        check_is_fitted(self)
        names = _check_feature_names_in(self, input_features)
        pairs = zip(names, self._columns, strict=True)
        found = [name + end for name, column in pairs for end in column.suffixes]
        return np.array(found, dtype=object)

    def _name(self, index: int) -> str:
        names = getattr(self, "feature_names_in_", None)
        return f"Column {index}" if names is None else f"Column {names[index]!r}"

    @contextmanager
    def _named(self, index: int) -> Iterator[None]:
        """Name the column in errors."""
        name = self._name(index)
        try:
            yield
        except TypeError as error:
            text = str(error)
            if "uniformly" in text or "unhashable" in text:  # scikit-learn's, Python's
                text = text.rstrip(".") + ". Make its values strings, or numbers."
            raise TypeError(f"{name} cannot be encoded: {text}") from error
        except ValueError as error:
            text = str(error).replace(" in column 0 during transform", "")
            advice = (
                ". Set handle_unknown='ignore' to take them for none of those seen"
                * ("unknown cat" in text)
            )
            raise ValueError(f"{name} cannot be encoded: {text}{advice}") from error

    def _set_ends(self) -> None:
        """Count encoded columns."""
        self._ends = np.cumsum([len(column.suffixes) for column in self._columns])

    def _complete(self) -> None:
        """Check what was loaded, and add what follows."""
        n_features, weights = self.n_features_in_, self._weights
        check_table(self._reader, self._columns, n_features)
        need(weights.dtype == np.float64 and (weights > 0).all(), "Its weights are")
        sizes = {len(weights), len(self._are_asked_for)}
        need(weights.ndim == 1 and sizes == {n_features}, "Its weights are")
        self._set_ends()

    def _are_categories(self) -> list[bool]:
        """Return which columns `categorical_features` asks for."""
        given = self.categorical_features
        if isinstance(given, str):
            return [False] * self.n_features_in_
        wanted = np.asarray(given)
        if wanted.dtype == bool:
            if wanted.shape != (self.n_features_in_,):
                raise ValueError(
                    f"categorical_features has {wanted.size} entries, but there are "
                    f"{self.n_features_in_} columns. Give one for each."
                )
            return wanted.tolist()
        indices = [self._index(one, "categorical_features") for one in wanted.tolist()]
        if len(set(indices)) < len(indices):
            raise ValueError(
                f"categorical_features={given!r} names a column twice. A mask holds "
                "True and False."
            )
        return [i in indices for i in range(self.n_features_in_)]

    def _column_weights(self) -> NDArray[np.float64]:
        """Return the weight of each column."""
        given = self.column_weight
        weights = np.ones(self.n_features_in_)
        if isinstance(given, Mapping):
            for name, weight in given.items():
                weights[self._index(name, "column_weight")] = weight
        elif given is not None:
            weights = check_array(given, ensure_2d=False, input_name="column_weight")
        if weights.shape != (self.n_features_in_,) or not (weights > 0).all():
            raise ValueError(
                f"column_weight={given!r} must hold a number above 0 for each of "
                f"{self.n_features_in_} columns."
            )
        return weights

    def _index(self, column: Any, parameter: str) -> int:
        """Return where a column is that is named or counted."""
        names: Sequence[str] = list(getattr(self, "feature_names_in_", ()))
        if isinstance(column, str) and column in names:
            return names.index(column)
        if column in range(self.n_features_in_) and not isinstance(column, bool):
            return int(column)
        known = names or f"{self.n_features_in_} without names, from 0"
        raise ValueError(
            f"{parameter} names the column {column!r}, but there are {known}."
        )

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_columns")

    def __sklearn_tags__(self) -> Any:
        return table_tags(super().__sklearn_tags__())


def _finite(values: Values) -> Values:
    """Return values, unless a number is infinite."""
    if values.array.dtype.kind == "f" and np.isinf(values.array).any():
        raise ValueError("it holds infinity. Remove or clip it.")
    return values


def _of_kind(values: Values, kind: str) -> NDArray:
    """Return an array of a kind of values, which is known to be the kind in fit."""
    if values.kind == kind:
        return values.array
    if values.is_missing.all():
        return np.repeat(NOTHING[kind], len(values.array))
    raise TypeError(
        f"it holds {values.kind}, but held {kind} in fit. Convert it, or fit again."
    )
