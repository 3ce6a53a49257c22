"""The estimator that fills missing cells of tables with what the others lead to."""

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context, clone
from sklearn.utils import _safe_indexing, check_random_state
from sklearn.utils._param_validation import HasMethods
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted

from sklearn_ae._autoencoder import AutoencoderTransformer
from sklearn_ae._persistence import PersistenceMixin, need, saved
from sklearn_ae._table import (
    is_missing,
    like,
    reader_of,
    table_tags,
    validated_table,
)
from sklearn_ae._table_encoder import TableEncoder


@saved("encoder_", "estimator_", "_kept", "_indicated", "_residuals", "_generator")
class AutoencoderImputer(PersistenceMixin, TransformerMixin, BaseEstimator):
    """Fill missing cells with an autoencoder's reconstruction of their rows.

    Observed cells stay exactly as they are. Tables may be mixed, as
    :class:`TableEncoder` takes them, and come back as what they are: frames of pandas
    or polars, or arrays.

    Parameters
    ----------
    estimator : transformer or None, default=None
        What reconstructs encoded rows with NaN. None is an `AutoencoderTransformer`
        with half as many codes as there are encoded columns, and fewer than rows.
    missing_values : int, float, str or None, default=np.nan
        What stands for a missing cell, beside NaN, None and the missing values of
        pandas and polars.
    add_indicator : bool, default=False
        Whether columns are appended that say where cells were missing, one for each
        column with missing cells in `fit`.
    keep_empty_features : bool, default=False
        Whether a column without any value in `fit` is kept: a number is 0 then, and
        others stay missing.
    sample_posterior : bool, default=False
        Whether the residual of a training row, drawn at random, is added to each
        reconstruction: multiple imputation by several calls, whose spread shows the
        uncertainty.
    random_state : int, RandomState instance or None, default=None
        Determines the fit and the draws.

    Attributes
    ----------
    encoder_ : TableEncoder
        The fitted encoder of the columns that are not empty.
    estimator_ : transformer
        The fitted estimator.
    n_features_in_, feature_names_in_ : int, ndarray of shape (n_features_in_,)
        Number of columns seen during `fit`, and their names, if all are strings.

    See Also
    --------
    sklearn.impute.IterativeImputer : Numbers, each regressed on the others.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_ae import AutoencoderImputer
    >>> X = np.array([[1, 2], [2, np.nan], [3, 6], [4, 8], [5, 10], [6, 12]])
    >>> AutoencoderImputer(random_state=0).fit_transform(X).shape
    (6, 2)
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "estimator": [HasMethods(["fit", "transform", "inverse_transform"]), None],
        "missing_values": "no_validation",
        "add_indicator": ["boolean"],
        "keep_empty_features": ["boolean"],
        "sample_posterior": ["boolean"],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: Any = None,
        *,
        missing_values: Any = np.nan,
        add_indicator: bool = False,
        keep_empty_features: bool = False,
        sample_posterior: bool = False,
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.missing_values = missing_values
        self.add_indicator = add_indicator
        self.keep_empty_features = keep_empty_features
        self.sample_posterior = sample_posterior
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: object = None) -> Self:
        """Learn the table.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            A frame of pandas or polars, or an array.
        y : None
            Ignored.

        Returns
        -------
        self : AutoencoderImputer
            The fitted imputer.

        Raises
        ------
        ValueError
            If no cell is observed.
        """
        X = validated_table(self, X, reset=True)
        missing = self._missing(X)
        if missing.all():
            raise ValueError("No cell of X is observed, but some are needed.")
        empty = missing.all(axis=0)
        self._kept = np.flatnonzero(~empty | self.keep_empty_features)
        self._indicated = np.flatnonzero(missing.any(axis=0))
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        table = self._observed(X, missing)
        self.encoder_ = TableEncoder().fit(table)
        encoded = _encoded(self.encoder_, table)
        self.estimator_ = self._build(encoded.shape, seed).fit(encoded)
        left = encoded - _reconstruction(self.estimator_, encoded)
        self._residuals = left if self.sample_posterior else None
        self._generator = np.random.RandomState(seed)
        return self

    def transform(self, X: Any) -> Any:
        """Fill the missing cells.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Columns as in `fit`.

        Returns
        -------
        filled : DataFrame or ndarray of shape (n_samples, n_features_out)
            Of the kind of `X`, whatever that was in `fit`, with its dtypes.

        Raises
        ------
        ValueError
            If the columns are others than in `fit`.
        """
        check_is_fitted(self)
        X = validated_table(self, X, reset=False)
        missing = self._missing(X)
        encoded = _encoded(self.encoder_, self._observed(X, missing))
        found = _reconstruction(self.estimator_, encoded)
        if self._residuals is not None:
            found += _drawn(self._residuals, len(found), self._generator)
        table = _safe_indexing(X, self._kept, axis=1)
        other = self.encoder_.inverse_transform(found)
        if self.keep_empty_features:
            other = _with_zeros(other)
        other = like(table, other)
        filled = reader_of(table).filled(table, missing[:, self._kept], other)
        if not self.add_indicator or len(self._indicated) == 0:
            return filled
        names = self.get_feature_names_out()[len(self._kept) :]
        where = missing[:, self._indicated]
        return reader_of(filled).append(filled, names.tolist(), where)

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray:
        """Return names of the columns.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Names of the columns; None stands for those that `fit` has seen, or x0, x1,
            and so on.

        Returns
        -------
        names : ndarray of str objects of shape (n_features_out,)
            Names of the columns, then such as `missingindicator_x0` for each that
            `add_indicator` appends.
        """
        check_is_fitted(self)
        names = _check_feature_names_in(self, input_features)
        found = names[self._kept].tolist()
        if self.add_indicator:
            found += [f"missingindicator_{name}" for name in names[self._indicated]]
        return np.array(found, dtype=object)

    def _missing(self, X: Any) -> NDArray[np.bool_]:
        """Return which cells of a table are missing, or what stands for that."""
        reader, columns = reader_of(X), []
        for i in range(X.shape[1]):
            values = reader.read(X, i, False)
            mask = values.is_missing
            if not is_missing(self.missing_values):
                mask = mask | values.equal(self.missing_values)
            columns.append(mask)
        return np.column_stack(columns)

    def _observed(self, X: Any, missing: NDArray[np.bool_]) -> Any:
        """Return the columns that are kept, without the cells that are missing."""
        if not is_missing(self.missing_values) and missing.any():
            X = reader_of(X).masked(X, missing)
        return _safe_indexing(X, self._kept, axis=1)

    def _complete(self) -> None:
        """Check what was loaded."""
        need(isinstance(self.encoder_, TableEncoder), "Its encoder_ is")
        need(self.encoder_.n_features_in_ == len(self._kept), "Its encoder_ is")
        width = len(self.encoder_.get_feature_names_out())
        need(self.estimator_.n_features_in_ == width, "Its estimator_ is")
        for indices in (self._kept, self._indicated):
            is_index = indices.ndim == 1 and indices.dtype.kind == "i"
            known = (indices >= 0) & (indices < self.n_features_in_)
            need(is_index and bool(known.all()), "Its list of columns is")
        if self._residuals is not None:
            is_table = self._residuals.ndim == 2 and self._residuals.shape[1] == width
            need(is_table and self._residuals.dtype == np.float64, "Its residuals are")
        need(isinstance(self._generator, np.random.RandomState), "Its generator is")

    def _build(self, shape: tuple[int, int], seed: int) -> Any:
        """Return the unfitted estimator for encoded rows."""
        if self.estimator is not None:
            return clone(self.estimator)
        n_rows, width = shape
        n_components = max(1, min(width // 2, n_rows - 1))
        return AutoencoderTransformer(n_components, random_state=seed)

    def __sklearn_tags__(self) -> Any:
        return table_tags(super().__sklearn_tags__())


def _encoded(encoder: TableEncoder, table: Any) -> NDArray[np.float64]:
    """Encode rows; one without any value is the mean row."""
    encoded: NDArray[np.float64] = np.asarray(encoder.transform(table))
    encoded[np.isnan(encoded).all(axis=1)] = 0.0
    return encoded


def _reconstruction(estimator: Any, encoded: NDArray) -> NDArray[np.float64]:
    """Return the reconstruction of encoded rows."""
    found: NDArray = estimator.inverse_transform(estimator.transform(encoded))
    return np.asarray(found, dtype=np.float64)


def _drawn(
    residuals: NDArray, n_rows: int, generator: np.random.RandomState
) -> NDArray[np.float64]:
    """Draw residuals of rows, and of single cells where those of a row are missing."""
    found: NDArray = residuals[generator.randint(len(residuals), size=n_rows)]
    for column, known in zip(found.T, residuals.T, strict=True):
        lacking = np.isnan(column)
        pool = known[~np.isnan(known)]
        column[lacking] = generator.choice(pool, lacking.sum())
    return found


def _with_zeros(table: Any) -> Any:
    """Return a table with zeros in the columns of numbers that lack all of them."""
    reader, columns = reader_of(table), []
    for i in range(table.shape[1]):
        values = reader.read(table, i, False)
        is_empty = values.kind == "numbers" and values.is_missing.all()
        columns.append(np.zeros(len(table)) if is_empty else values.array)
    return reader.build(columns, restores=True)
