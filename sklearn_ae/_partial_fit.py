"""Fitting to rows that come in parts."""

from collections.abc import Callable
from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn import config_context
from sklearn.base import _fit_context
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_n_features, validate_data

from sklearn_ae._data import (
    StoredRows,
    array_or_source,
    as_numpy,
    attributes_like,
    stored_or_given,
    weights_of_part,
)
from sklearn_ae._fit import (
    Data,
    Fit,
    Stream,
    carry_on,
    check_continues,
    choose_folds,
    code_size,
    describe_network,
    describe_training,
    drawn_data,
    fit_autoencoder,
)
from sklearn_ae._model import Architecture, correlations, private_generators
from sklearn_ae._training import spread_rows


class PartialFitMixin:
    """`partial_fit` of the estimator, which is given by its other parts."""

    _fit_result: Fit
    _stream: Stream
    _unfitted: Callable[[], dict[str, Any]]

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Go on with a fit to further rows, such as a part of a stream.

        PCA follows the moments of all rows so far, which are exact. The network is
        trained on 10,000 of these, drawn at random, whenever their number has grown by
        a quarter; in between, what it has learned is put on the new PCA, as far as rows
        that came since then confirm it. On the rows drawn the result is never below
        PCA. Codes keep order and signs as far as they can: see `code_correlations_`.
        After `fit`, and in a loaded estimator, it begins anew.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Further rows: at first at least `n_components`, and two; later any number.
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
            If rows are such as `fit` does not take, if the first are too few, or if
            parameters of the network have changed.
        """
        draft: Any = object.__new__(type(self))
        draft.__dict__ = self._unfitted()
        rows, weight = as_numpy(X), as_numpy(sample_weight)
        with config_context(array_api_dispatch=False):
            draft._partial_fit(self, rows, weight)
        # Only a call that has succeeded replaces what was there before.
        self.__dict__ = self._unfitted() | attributes_like(X, vars(draft))
        return self

    def _partial_fit(
        self: Any, owner: Any, rows: ArrayLike, sample_weight: ArrayLike | None
    ) -> None:
        """Take in rows and go on with the fit of `owner`, or begin one."""
        options = describe_training(self)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        before = getattr(owner, "_stream", None)
        reader = self if before is None else owner
        stream = _read(reader, before, rows, sample_weight, seed)
        names = getattr(reader, "feature_names_in_", None)
        data = drawn_data(self, stream.summary, seed)
        if names is not None:
            self.feature_names_in_ = names
        previous: Any = None if before is None else owner._fit_result
        with private_generators(seed, options.device, needed=self.module is not None):
            if stream.is_due:
                fit = _whole_fit(self, data, options, seed, previous)
                stream = stream.fitted()
            else:
                architecture = _architecture(self, data, previous)
                new = np.flatnonzero(stream.is_untrained[data.kept])
                fit = carry_on(data, new, architecture, options, previous, seed)
        self.__dict__.update(self._fitted_attributes(fit))
        self._stream = stream
        self.n_samples_seen_ = stream.summary.n_rows
        self.code_correlations_ = np.ones(fit.codec.shape[1])
        if previous is not None:
            some = data.table[spread_rows(len(data.table), 1)].X
            codes = fit.codec.encode(some), previous.codec.encode(some)
            found = np.abs(np.diag(correlations(*codes)))
            is_constant = np.all([np.ptp(part, axis=0) == 0 for part in codes], axis=0)
            self.code_correlations_ = np.where(is_constant, 1.0, found)


def _read(
    reader: Any,
    before: Stream | None,
    rows: ArrayLike,
    sample_weight: ArrayLike | None,
    seed: int,
) -> Stream:
    """Validate rows and add them to those before."""
    X = stored_or_given(rows)
    if isinstance(X, StoredRows):  # which checks cells when it reads them
        _check_n_features(reader, X, reset=before is None)
    else:
        validated = validate_data(
            reader,
            X,
            reset=before is None,
            accept_sparse="csr",
            dtype=[np.float64, np.float32],
            ensure_all_finite="allow-nan",
        )
        X = array_or_source(validated)
    weight = weights_of_part(sample_weight, len(X))
    if before is not None:
        return before.with_more(X, weight)
    n_components = reader.n_components
    n_counted = int((weight > 0).sum())
    is_number = isinstance(n_components, Integral) and reader.init == "pca"
    if is_number and n_components > n_counted:
        raise ValueError(
            f"n_components={n_components!r} must be at most the number of rows in the "
            f"first call of partial_fit, of which {n_counted} count. Pass more rows "
            "first; later calls may have any number."
        )
    return Stream.of_first(X, weight, seed)


def _whole_fit(
    model: Any, data: Data, options: Any, seed: int, previous: Fit | None
) -> Fit:
    """Fit to the rows that were drawn, as `fit` does."""
    if previous is None:
        n_components = code_size(model, data.training, options, seed)
        architecture = describe_network(model, n_components, len(data.training))
    else:
        architecture = _architecture(model, data, previous)
    return fit_autoencoder(
        data,
        architecture,
        options,
        folds=choose_folds(model, data, architecture.n_components),
        seed=seed,
        like=None if previous is None else previous.codec,
        names=getattr(model, "feature_names_in_", None),
    )


def _architecture(model: Any, data: Data, previous: Fit) -> Architecture:
    """Return the network of the fit that goes on; raise where it has changed."""
    n_features, n_components = previous.codec.shape
    if isinstance(model.n_components, Integral):
        n_components = int(model.n_components)
    architecture = describe_network(model, n_components, len(data.table))
    remedy = "Set it back, or begin with a clone."
    check_continues(previous, n_features, architecture, "partial_fit", remedy)
    return architecture
