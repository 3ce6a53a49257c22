"""What a fitted estimator does with rows and codes."""

import math
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn import config_context
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils import Tags, assert_all_finite, check_array, metadata_routing
from sklearn.utils.validation import (
    _check_n_features,
    _check_sample_weight,
    check_is_fitted,
    validate_data,
)

from sklearn_ae._data import (
    ResidentRows,
    Source,
    StoredRows,
    array_or_source,
    as_numpy,
    check_same_place,
    check_some_observed,
    placed_like,
    stored_or_given,
    values_of,
    where_it_is,
)
from sklearn_ae._export import ResidentCodec, TorchAutoencoder
from sklearn_ae._fit import Fit
from sklearn_ae._model import Codec


class ReconstructionMixin(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator
):
    """Encoding, decoding and scores by the result of a fit."""

    _fit_result: Fit
    n_components_: int
    # Not what a Pipeline would route to.
    __metadata_request__transform: ClassVar = {"out": metadata_routing.UNUSED}

    def transform(self, X: ArrayLike, out: Any = None) -> Any:
        """Encode `X`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows to encode; as in `fit`, they need not be in memory.
        out : array of shape (n_samples, n_components), default=None
            Of floats, such as a `memmap`: where the codes of each block of rows are
            written. None is a new array.

        Returns
        -------
        codes : ndarray of shape (n_samples, n_components)
            Codes, in the floating dtype of `X`; or `out`.

        Raises
        ------
        ValueError
            If `X` does not suit the training data, or `out` the codes.
        TypeError
            If `out` is a tensor.
        """
        validated = self._validated(X, "transform")
        shape = (len(validated), self.n_components_)
        if out is not None:
            _check_out(out, shape, validated.dtype)
            return self._codec.encode(validated, out)
        if isinstance(validated, ResidentRows):
            return self._resident(validated).codes()
        return placed_like(X, self._codec.encode(validated))

    def inverse_transform(self, X: ArrayLike) -> Any:
        """Decode codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Codes, as :meth:`transform` returns them.

        Returns
        -------
        reconstruction : ndarray of shape (n_samples, n_features)
            Rows in the space of the training data, in the floating dtype of the codes:
            an array, for sparse training data too.
        """
        check_is_fitted(self)
        check_same_place(self, X, "inverse_transform")
        rows = stored_or_given(where_it_is(X, self.n_features_in_))
        if isinstance(rows, ResidentRows):
            self._check_n_codes(rows)
            return self._resident(rows).decoded()
        rows = rows[:] if isinstance(rows, StoredRows) else rows
        codes = check_array(
            rows, dtype=[np.float64, np.float32], ensure_all_finite=False
        )
        if not _has_finite_sum(codes):
            assert_all_finite(codes)
        self._check_n_codes(codes)
        return placed_like(X, self._codec.decode(codes))

    def score(
        self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None
    ) -> float:
        """Return the fraction of the variance of `X` that is explained.

        It is 1 minus the sum of squared reconstruction errors over the sum of squared
        deviations from the mean of the training data, and compares directly with
        `PCA.explained_variance_ratio_.sum()`: 1 is perfect, 0 is as good as the mean.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows to reconstruct.
        y : Ignored
            Not used, present for API consistency by convention.
        sample_weight : array-like of shape (n_samples,), default=None
            How often each row counts, at least 0; None counts each once.

        Returns
        -------
        score : float
            Fraction of variance explained, at most 1. It is 1 for rows that all equal
            the mean of constant training data.
        """
        validated = self._validated(X, "score")
        given = as_numpy(sample_weight)
        with config_context(array_api_dispatch=False):
            weight = _check_sample_weight(
                given, validated, dtype=np.float64, ensure_non_negative=True
            )
        if isinstance(validated, ResidentRows):
            return 1.0 - self._resident(validated).share(weight)
        return 1.0 - self._codec.losses(validated, weight).share

    def score_samples(self, X: ArrayLike) -> Any:
        """Return minus the squared reconstruction error of each row.

        Rows unlike the training data get a low score, so that it serves to find
        outliers.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows to reconstruct.

        Returns
        -------
        scores : ndarray of shape (n_samples,)
            Negative squared errors summed over the columns, in squared units of `X`, in
            float64. Where values are missing, the sum over the others is scaled up to
            all columns.

        Raises
        ------
        ValueError
            If squared errors are beyond float64.
        """
        validated = self._validated(X, "score_samples")
        if isinstance(validated, ResidentRows):
            return self._resident(validated).score_samples()
        scores = np.empty(len(validated))
        with np.errstate(over="ignore"):  # which is checked next
            for rows, x, reconstruction in self._codec.reconstruct(validated):
                errors = np.subtract(x, reconstruction, dtype=np.float64)
                squares = (errors * self._codec.scale) ** 2
                scores[rows] = -np.nanmean(squares, axis=1) * x.shape[1]
        if not np.isfinite(scores).all():
            raise ValueError(
                "Squared errors are beyond float64, as they are in squared units of X. "
                "Rescale X before fitting, for instance with StandardScaler."
            )
        return placed_like(X, scores)

    def to_torch(self, dtype: torch.dtype = torch.float32) -> torch.nn.Module:
        """Return a torch module that maps rows in the units of `X`.

        It is a copy on the CPU, in evaluation mode, whose parameters take gradients:
        those of the network, as they were while fitting. Where the result is PCA
        (`shrinkage_` is 0) they have no effect. Its state dict has them as
        `autoencoder.network.*`, and beside them buffers alone: PCA and the units.

        Parameters
        ----------
        dtype : torch.dtype, default=torch.float32
            That of its weights, `torch.float32` or `torch.float64`: digits that float32
            lacks do not come back with `double()`.

        Returns
        -------
        module : torch.nn.Module
            `encode`, `decode` and the module itself do what :meth:`transform`,
            :meth:`inverse_transform` and the two of them do, for tensors of its dtype
            and device, of shape (n_samples, n_features) or (n_samples, n_components).
            Rows have to be complete: the codes of a row with NaN are NaN.

        Raises
        ------
        ValueError
            If `dtype` is another.
        """
        check_is_fitted(self)
        return TorchAutoencoder.of_codec(self._codec, dtype)

    def _validated(self, X: ArrayLike, method: str) -> NDArray | Source:
        """Check rows against the training data."""
        check_is_fitted(self)
        check_same_place(self, X, method)
        X = stored_or_given(where_it_is(X))
        if isinstance(
            X, StoredRows | ResidentRows
        ):  # whose cells are checked elsewhere
            _check_n_features(self, X, reset=False)
            return X
        validated = validate_data(
            self,
            X,
            accept_sparse="csr",
            dtype=[np.float64, np.float32],
            reset=False,
            ensure_all_finite=False,
        )
        rows = array_or_source(validated)
        if not all(map(_has_finite_sum, values_of(rows))):
            for values in values_of(rows):
                assert_all_finite(values, allow_nan=True, input_name="X")
            check_some_observed(rows, axis=1)
        return rows

    def _check_n_codes(self, codes: NDArray | Source) -> None:
        """Raise unless rows are as many codes as there are."""
        if codes.shape[1] != self.n_components_:
            raise ValueError(
                f"X has {codes.shape[1]} codes in each row, but this "
                f"{type(self).__name__} has n_components_={self.n_components_}."
            )

    def _resident(self, rows: ResidentRows) -> ResidentCodec:
        """Return what maps rows, or codes, where they are."""
        return ResidentCodec(self.to_torch(rows.stored.dtype), rows)

    @property
    def _codec(self) -> Codec:
        return self._fit_result.codec

    @property
    def _n_features_out(self) -> int:
        return self.n_components_

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_fit_result")

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = True
        tags.array_api_support = True
        return tags


def _check_out(out: Any, shape: tuple[int, ...], dtype: np.dtype) -> None:
    """Raise unless codes can be written to an array."""
    found = getattr(out, "shape", None)
    if found != shape:
        raise ValueError(f"out has shape={found}, but the codes of X have {shape}.")
    if not isinstance(out.dtype, np.dtype):
        raise TypeError(
            f"out is a {type(out).__name__}, but has to be NumPy's or such."
        )
    if not np.can_cast(dtype, out.dtype, "same_kind"):
        raise ValueError(f"out has dtype={out.dtype}, but the codes of X have {dtype}.")


def _has_finite_sum(array: NDArray) -> bool:
    """Whether no cell need be looked at, which takes long with one row."""
    with np.errstate(over="ignore", invalid="ignore"):
        return math.isfinite(array.sum())
