"""AutoencoderTransformer for rows on a cluster."""

from __future__ import annotations

from contextlib import nullcontext
from copy import deepcopy
from functools import partial
from typing import Any, Self

import dask
import dask.dataframe as dd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils import check_random_state
from sklearn.utils.validation import (
    _check_feature_names,
    _check_n_features,
    check_array,
    check_is_fitted,
)

from sklearn_ae._autoencoder import AutoencoderTransformer as Local
from sklearn_ae._dask.blocks import (
    Blocks,
    Place,
    check_names,
    in_rows,
    is_dask,
    merged,
    total,
)
from sklearn_ae._dask.local import LocalMixin, applied
from sklearn_ae._dask.waiting import computed
from sklearn_ae._data import (
    Summary,
    check_some_observed,
    hash_limit,
    missing_cells,
    n_drawn,
    weights_of_part,
)
from sklearn_ae._model import share_of


class AutoencoderTransformer(  # type: ignore[call-arg]
    LocalMixin, Local, auto_wrap_output_keys=None
):
    """Autoencoder that starts as PCA, for arrays and frames of Dask.

    Parameters, attributes and results are those of
    :class:`sklearn_ae.AutoencoderTransformer`. `fit` reads all rows once, on the
    workers: PCA is that of all of them, and one worker trains the network on at most
    262,144 rows drawn at random. The draw does not depend on the blocks, and a table of
    so few rows gives what the other class gives. What is not of Dask is handed to that.

    Parameters
    ----------
    n_components : int, float or None, default=2
        Number of codes, as there.
    **params : dict
        All other parameters, as there.

    Examples
    --------
    >>> import dask.array as da
    >>> from sklearn_ae.dask import AutoencoderTransformer
    >>> X = da.random.default_rng(0).normal(size=(300, 4), chunks=(100, 4))
    >>> codes = AutoencoderTransformer(random_state=0).fit_transform(X)
    >>> codes.chunks
    ((100, 100, 100), (2,))
    """

    _local = Local

    def fit(self, X: Any, y: object = None, sample_weight: Any = None) -> Self:
        """Fit the autoencoder to `X`.

        Parameters
        ----------
        X : array or DataFrame of Dask, of shape (n_samples, n_features)
            Training data. Lengths of blocks that are not known are counted first.
        y : Ignored
            Not used, present for API consistency by convention.
        sample_weight : array-like of shape (n_samples,), default=None
            How often each row counts, at least 0; None counts each once.

        Returns
        -------
        self : AutoencoderTransformer
            The fitted estimator.

        Raises
        ------
        ValueError
            As in the other class; errors of a block name it.
        RuntimeError
            If the cluster has no worker for `sklearn_ae.patience` seconds (300 unless
            Dask's configuration says otherwise).
        """
        if not is_dask(X):
            super().fit(X, y, sample_weight)
            return self
        self._validate_params()
        blocks = Blocks.of(X)
        names = _names(blocks)
        draft = self.to_local()
        draft.random_state = deepcopy(self.random_state)  # to draw the same seed again
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        weights, most = blocks.of_rows(sample_weight), n_drawn(blocks.n_features)
        summarise = partial(
            _summary,
            like=(blocks.n_features, blocks.names),
            seed=seed,
            limit=hash_limit(blocks.counted(weights), most),
        )
        parts = blocks.map(summarise, weights)
        whole = merged(parts, partial(Summary.merged, most=most))
        fitted = computed(dask.delayed(_fitted)(draft, whole))
        self.__dict__ = self._unfitted() | fitted
        if names is not None:
            self.feature_names_in_ = names
        return self

    def partial_fit(self, X: Any, y: object = None, sample_weight: Any = None) -> Self:
        """Go on with a fit to further rows, which are in memory.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows; not of Dask.
        y : Ignored
            Not used, present for API consistency by convention.
        sample_weight : array-like of shape (n_samples,), default=None
            How often each row counts, at least 0; None counts each once.

        Returns
        -------
        self : AutoencoderTransformer
            The fitted estimator.

        Raises
        ------
        TypeError
            If rows are of Dask.
        """
        if is_dask(X):
            raise TypeError(
                "partial_fit takes rows in memory. Give fit all rows of Dask, or "
                "compute a part of them first."
            )
        super().partial_fit(X, y, sample_weight)
        return self

    def transform(self, X: Any, out: Any = None) -> Any:
        """Encode `X`, when the result is computed.

        Parameters
        ----------
        X : array or DataFrame of Dask, of shape (n_samples, n_features)
            Rows to encode.
        out : array of shape (n_samples, n_components), default=None
            Only for rows that are not of Dask; `da.store` writes what is.

        Returns
        -------
        codes : array or DataFrame of Dask, of shape (n_samples, n_components)
            Codes, in blocks as `X`.
        """
        if not is_dask(X):
            return super().transform(X, out)
        if out is not None:
            raise ValueError("out cannot be used with Dask. Write codes with da.store.")
        return self._mapped(X, "transform", list(self.get_feature_names_out()))

    def inverse_transform(self, X: Any) -> Any:
        """Decode codes, when the result is computed.

        Parameters
        ----------
        X : array or DataFrame of Dask, of shape (n_samples, n_components)
            Codes, as :meth:`transform` returns them.

        Returns
        -------
        reconstruction : array or DataFrame of Dask, of shape (n_samples, n_features)
            Rows in the space of the training data, in blocks as `X`.
        """
        if not is_dask(X):
            return super().inverse_transform(X)
        check_is_fitted(self)
        names = getattr(self, "feature_names_in_", None)
        if names is None:
            names = [f"x{i}" for i in range(self.n_features_in_)]
        return self._mapped(X, "inverse_transform", list(names), checked=False)

    def score_samples(self, X: Any) -> Any:
        """Return minus the squared error of each row, when the result is computed.

        Parameters
        ----------
        X : array or DataFrame of Dask, of shape (n_samples, n_features)
            Rows to reconstruct.

        Returns
        -------
        scores : array of Dask, of shape (n_samples,)
            As in the other class.
        """
        if not is_dask(X):
            return super().score_samples(X)
        scores = self._mapped(X, "score_samples", ["score"])
        if isinstance(scores, dd.DataFrame):
            return scores["score"].values
        return scores[:, 0]

    def score(self, X: Any, y: object = None, sample_weight: Any = None) -> float:
        """Return the fraction of the variance of `X` that is explained.

        Parameters
        ----------
        X : array or DataFrame of Dask, of shape (n_samples, n_features)
            Rows to reconstruct.
        y : Ignored
            Not used, present for API consistency by convention.
        sample_weight : array-like of shape (n_samples,), default=None
            How often each row counts, at least 0; None counts each once.

        Returns
        -------
        score : float
            As in the other class.
        """
        if not is_dask(X):
            return super().score(X, y, sample_weight)
        self._check(X)
        blocks = Blocks.of(X)
        measure = partial(_losses, like=(blocks.n_features, blocks.names))
        models = [self._later()] * len(blocks.parts)
        parts = blocks.map(measure, blocks.of_rows(sample_weight), models)
        if blocks.n_rows == 0:
            raise ValueError("X has 0 rows, but at least 1 is needed.")
        return 1.0 - share_of(*computed(merged(parts, total)).tolist())

    def _check(self, X: Any) -> None:
        """Check columns against those of the training data."""
        check_is_fitted(self)
        frame = isinstance(X, dd.DataFrame)
        _check_feature_names(self, X._meta if frame else np.empty((1, 1)), reset=False)
        _check_n_features(self, X if frame else in_rows(X), reset=False)

    def _mapped(
        self, X: Any, method: str, names: list[str], checked: bool = True
    ) -> Any:
        """Apply a method of the estimator to each block."""
        if checked:
            self._check(X)
        if isinstance(X, dd.DataFrame):
            singles = [dtype == np.float32 for dtype in X.dtypes]
            is_single = all(singles) and method != "score_samples"
            dtype = np.dtype(np.float32 if is_single else np.float64)
            none = np.empty((0, len(names)), dtype)
            meta = pd.DataFrame(none, index=X._meta.index, columns=names)
            apply = partial(_applied_to_frame, method=method, names=names, dtype=dtype)
            return X.map_partitions(apply, self._later(), meta=meta)
        X = in_rows(X)
        single = X.dtype == np.float32 and method != "score_samples"
        dtype = np.dtype(np.float32 if single else np.float64)
        return X.map_blocks(
            partial(_applied, method=method, n_columns=len(names), dtype=dtype),
            model=self._later(),
            dtype=dtype,
            chunks=(X.chunks[0], (len(names),)),
            meta=np.empty((0, len(names)), dtype=dtype),
        )


def _names(blocks: Blocks) -> NDArray | None:
    """Return names of columns, if all are strings."""
    names = blocks.names
    if names is None or not all(isinstance(name, str) for name in names):
        return None
    return np.array(names, dtype=object)


def _rows(block: Any, like: tuple[int, Any]) -> NDArray:
    """Return a block as an array of numbers."""
    n_features, names = like
    if names is not None:
        check_names(block, names)
    if block.shape[1] != n_features:
        raise ValueError(f"it has {block.shape[1]} columns, not {n_features}.")
    rows: NDArray = check_array(
        block,
        dtype=[np.float64, np.float32],
        ensure_all_finite="allow-nan",
        ensure_min_samples=0,
        input_name="X",
    )
    if len(rows) and missing_cells(rows) is not None:
        check_some_observed(rows, axis=1)
    return rows


def _summary(
    block: Any, place: Place, weight: Any, like: tuple[int, Any], seed: int, limit: int
) -> Summary:
    """Sum up a block."""
    with place.named():
        rows = _rows(block, like)
        weight = weights_of_part(weight, len(rows))
    return Summary.of_rows(rows, weight, first=place.first, seed=seed, limit=limit)


def _losses(
    block: Any, place: Place, weight: Any, model: Any, like: tuple[int, Any]
) -> NDArray[np.float64]:
    """Sum the squared errors of a block, and those of the mean."""
    with place.named():
        rows = _rows(block, like)
        if len(rows) == 0:
            return np.zeros(2)
        found = model._codec.losses(rows, weights_of_part(weight, len(rows)))
    return np.array([found.loss, found.loss_of_mean])


def _fitted(draft: Local, whole: Summary) -> dict[str, Any]:
    """Fit to what was drawn, and return the fitted attributes."""
    fitted = draft.fit(whole)
    names = vars(draft).keys() - draft.get_params(deep=False).keys()
    return {name: getattr(fitted, name) for name in names}


def _applied(
    block: NDArray,
    model: Any,
    method: str,
    n_columns: int,
    dtype: np.dtype,
    block_id: tuple[int, ...] | None = None,
) -> NDArray:
    """Apply a method of an estimator to a block."""
    if len(block) == 0:
        return np.empty((0, n_columns), dtype=dtype)
    with nullcontext() if block_id is None else Place(block_id[0]).named():
        found: NDArray = applied(model, method, block)
    return found.reshape(len(block), n_columns).astype(dtype, copy=False)


def _applied_to_frame(
    frame: pd.DataFrame, model: Any, method: str, names: list[str], dtype: np.dtype
) -> pd.DataFrame:
    """Apply a method of an estimator to a part of a frame."""
    given = frame if method != "inverse_transform" else frame.to_numpy()
    found = _applied(given, model, method, len(names), dtype)
    return pd.DataFrame(found, index=frame.index, columns=names)
