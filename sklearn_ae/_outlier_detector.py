"""The estimator that finds the rows of a table that are unlike the others."""

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OutlierMixin, _fit_context, clone
from sklearn.covariance import ledoit_wolf
from sklearn.model_selection import KFold, check_cv
from sklearn.utils import Tags, check_random_state, get_tags
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_ae._advice import cure_of_text, told_once
from sklearn_ae._autoencoder import AutoencoderTransformer
from sklearn_ae._persistence import PersistenceMixin, need, saved


class _Spread(NamedTuple):
    """Mean of rows, and a matrix that gives their deviations unit covariance."""

    mean: NDArray[np.float64]
    whitening: NDArray[np.float64]


def _centred(rows: NDArray) -> tuple[NDArray, NDArray, float]:
    """Return means, deviations in float64 over a power of 2, and this power.

    It keeps squares within float64's range.
    """
    mean = np.asarray(np.nanmean(rows, axis=0, dtype=np.float64))
    deviations = np.nan_to_num(rows - mean)
    unit = float(np.ldexp(1.0, np.frexp(np.abs(deviations).max())[1]))
    return mean, deviations / unit, unit


def _least(rows: NDArray) -> float:
    """Return a deviation that may be a rounding error of such rows."""
    _, deviations, unit = _centred(rows)
    return 1e-6 * unit * float(np.sqrt(np.mean(deviations**2))) or 1.0


def _spread_of(rows: NDArray, least: float) -> _Spread:
    """Return mean and shrunk covariance of rows; no deviation is below the least."""
    mean, deviations, unit = _centred(rows)
    covariance, _ = ledoit_wolf(deviations, assume_centered=True)
    values, axes = np.linalg.eigh(covariance)
    return _Spread(mean, axes / np.sqrt(np.maximum(values, (least / unit) ** 2)) / unit)


def _squared_distances(rows: NDArray, spread: _Spread) -> NDArray[np.float64]:
    """Return squared Mahalanobis distances, scaled up where cells are missing."""
    observed = np.isfinite(rows).mean(axis=1)
    deviations = np.nan_to_num(rows - spread.mean) @ spread.whitening
    found: NDArray[np.float64] = np.sum(deviations**2, axis=1) / observed
    return found


def _parts(transformer: Any, X: NDArray) -> tuple[NDArray, NDArray]:
    """Return codes of rows, and what their reconstructions leave of these."""
    codes = transformer.transform(X)
    residuals = X - np.asarray(transformer.inverse_transform(codes), dtype=np.float64)
    return np.asarray(codes, dtype=np.float64), residuals


def _only_if(novelty: bool) -> Callable[[Any], bool]:
    """Return a check for `available_if`, whose AttributeError says what to do."""

    def check(detector: Any) -> bool:
        if detector.novelty is not novelty:
            raise AttributeError(
                "novelty=True is for new rows. Set novelty=False for fit_predict."
                if detector.novelty
                else "novelty=False is for the rows of fit, by fit_predict and "
                "held_out_scores_. Set novelty=True to score new rows."
            )
        return True

    return check


@saved("transformer_", "offset_", "held_out_scores_", "_codes", "_residuals", "_unit")
class AutoencoderOutlierDetector(PersistenceMixin, OutlierMixin, BaseEstimator):
    """Find rows that an autoencoder, trained on the others, has not expected.

    A row is far out if its reconstruction leaves much, or if its codes are unusual.
    Rows of `fit` are scored by networks that were not trained on them, and the tenth
    that is farthest out at first is then not trained on at all. Columns of different
    units should be scaled first.

    Parameters
    ----------
    transformer : transformer or None, default=None
        What has codes and `inverse_transform`, such as PCA. None is an
        :class:`AutoencoderTransformer` of 20 epochs with a code for five columns, two
        at least, but at most one for 20 rows.
    contamination : "auto" or float, default="auto"
        Share of outliers among the rows of `fit`, up to 0.5; if it is more than a
        tenth, as many are not trained on. "auto" has those beyond the upper fence of a
        box plot of the squared distances.
    novelty : bool, default=False
        As in :class:`~sklearn.neighbors.LocalOutlierFactor`: False is for rows of `fit`
        that may be outliers, by `fit_predict`. True is for new rows, by `predict`,
        `decision_function` and `score_samples`, and takes those of `fit` to be usual:
        all are trained on. Where they may not be, fit with False, then set True.
    cv : int, cross-validation splitter or iterable, default=5
        Folds, each row in one of them. A number shuffles the rows.
    random_state : int, RandomState instance or None, default=None
        Determines the folds, and the fits of the default transformer.

    Attributes
    ----------
    transformer_ : transformer
        Fitted to the rows that are trained on.
    held_out_scores_ : ndarray of shape (n_samples,)
        Scores of the rows of `fit` by transformers that have not seen them, in the unit
        of `score_samples`.
    offset_ : float
        Scores below are those of outliers.
    n_features_in_, feature_names_in_ : int, ndarray of shape (n_features_in_,)
        Number of columns seen during `fit`, and their names, if all are strings.

    See Also
    --------
    sklearn.ensemble.IsolationForest : Needs no scaling, and takes a second.

    Notes
    -----
    The squared distance of a row is that of its codes plus that of its residuals, each
    a Mahalanobis distance: minus twice the logarithm of the density if both are normal
    and independent, as in probabilistic PCA. The covariance of the residuals is that of
    held-out rows; both are shrunk [1]_. Memory grows with the square of the columns.

    References
    ----------
    .. [1] Ledoit, O., and Wolf, M. (2004). "A well-conditioned estimator for
       large-dimensional covariance matrices". Journal of Multivariate Analysis 88,
       365-411.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.decomposition import PCA
    >>> from sklearn_ae import AutoencoderOutlierDetector
    >>> X = load_iris().data
    >>> X[7] = X[7, ::-1]
    >>> detector = AutoencoderOutlierDetector(PCA(2), random_state=0).fit(X)
    >>> int(detector.held_out_scores_.argmin())
    7
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "transformer": [HasMethods(["fit", "transform", "inverse_transform"]), None],
        "contamination": [
            StrOptions({"auto"}),
            Interval(Real, 0, 0.5, closed="right"),
        ],
        "novelty": ["boolean"],
        "cv": ["cv_object"],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        transformer: Any = None,
        *,
        contamination: str | float = "auto",
        novelty: bool = False,
        cv: Any = 5,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.transformer = transformer
        self.contamination = contamination
        self.novelty = novelty
        self.cv = cv
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Learn the rows that are alike, and score all of them.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows, of which some may be outliers; NaN where the transformer takes it.
        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        self : AutoencoderOutlierDetector
            The fitted detector.

        Raises
        ------
        ValueError
            If the folds do not hold out each row once, or are more than the rows.
        """
        X = self._validated(X, reset=True)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        splits, transformer = self._splits(X, seed), self._build(X.shape, seed)
        kept = np.ones(len(X), dtype=bool)
        with told_once():
            squares, residuals = _held_out(transformer, X, splits, kept)
            if not self.novelty:
                share = 0.1 if self.contamination == "auto" else self.contamination
                kept = squares <= np.quantile(squares, 1 - max(0.1, float(share)))
                squares, residuals = _held_out(transformer, X, splits, kept)
            fitted = clone(transformer).fit(X[kept])
        codes, _ = _parts(fitted, X)
        spread = _spread_of(codes[kept], _least(codes))
        # Only a fit that has succeeded replaces what was there before.
        self.transformer_ = fitted
        self._codes, self._residuals = tuple(spread), tuple(residuals)
        # Below are rounding errors, such as those of equal rows.
        self._unit = max(float(np.median(squares)), 1e-12)
        self.held_out_scores_ = -np.sqrt(squares / self._unit)
        self.offset_ = self._offset()
        return self

    @available_if(_only_if(novelty=False))
    def fit_predict(self, X: ArrayLike, y: object = None) -> NDArray[np.int64]:
        """Fit to rows, and tell which of them are outliers.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows, as in :meth:`fit`.
        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        is_inlier : ndarray of shape (n_samples,)
            -1 for outliers, 1 for others.
        """
        self.fit(X)
        return np.where(self.held_out_scores_ < self.offset_, -1, 1)

    @available_if(_only_if(novelty=True))
    def score_samples(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return minus the distance of new rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows that `fit` has not seen: those that it has look too good.

        Returns
        -------
        scores : ndarray of shape (n_samples,)
            In units of the median distance of the rows of `fit`: -1 is typical, -3
            three times as far out.
        """
        check_is_fitted(self)
        codes, residuals = _parts(self.transformer_, self._validated(X, reset=False))
        squares = _squared_distances(codes, _Spread(*self._codes))
        squares += _squared_distances(residuals, _Spread(*self._residuals))
        return -np.sqrt(squares / self._unit)

    @available_if(_only_if(novelty=True))
    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return scores of new rows above those of outliers.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows that `fit` has not seen.

        Returns
        -------
        scores : ndarray of shape (n_samples,)
            `score_samples` less `offset_`: negative for outliers.
        """
        return self.score_samples(X) - self.offset_

    @available_if(_only_if(novelty=True))
    def predict(self, X: ArrayLike) -> NDArray[np.int64]:
        """Tell which of new rows are outliers.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows that `fit` has not seen.

        Returns
        -------
        is_inlier : ndarray of shape (n_samples,)
            -1 for outliers, 1 for others.
        """
        return np.where(self.decision_function(X) < 0, -1, 1)

    def _validated(self, X: ArrayLike, reset: bool) -> NDArray:
        """Check rows."""
        allows_nan = self.__sklearn_tags__().input_tags.allow_nan
        with cure_of_text(self):
            validated: NDArray = validate_data(
                self,
                X,
                dtype=[np.float64, np.float32],
                reset=reset,
                ensure_min_samples=2 if reset else 1,
                ensure_all_finite="allow-nan" if allows_nan else True,
            )
        return validated

    def _build(self, shape: tuple[int, ...], seed: int) -> Any:
        """Return the unfitted transformer."""
        if self.transformer is not None:
            return self.transformer
        n_rows, width = shape
        n_components = max(1, min(max(2, width // 5), width, n_rows // 20))
        return AutoencoderTransformer(n_components, max_iter=20, random_state=seed)

    def _splits(self, X: NDArray, seed: int) -> list[Any]:
        """Return the rows of each fold, in training and held out."""
        folds = 5 if self.cv is None else self.cv
        if isinstance(folds, Integral):
            folds = KFold(folds, shuffle=True, random_state=seed)
        try:
            splits = list(check_cv(folds).split(X))
        except (TypeError, ValueError) as error:  # needs classes or groups, more rows
            raise ValueError(
                f"cv={self.cv!r:.200} does not cut {len(X)} rows, without more than X, "
                "into folds. Give a smaller number, KFold or pairs of indices."
            ) from error
        held_out = np.sort(np.concatenate([test for _, test in splits]))
        if not np.array_equal(held_out, np.arange(len(X))):
            raise ValueError(f"cv={self.cv!r:.200} has to hold out each row once.")
        return splits

    def _offset(self) -> float:
        """Return what the scores of outliers are below."""
        scores = self.held_out_scores_
        if self.contamination != "auto":
            return float(np.percentile(scores, 100 * float(self.contamination)))
        low, high = np.percentile(scores**2, [25, 75])
        rounding = 1e-12 / self._unit
        return -float(np.sqrt(high + 1.5 * (high - low) + rounding))

    def _complete(self) -> None:
        """Check what was loaded."""
        fitted, width = self.transformer_, self.n_features_in_
        is_one = hasattr(fitted, "inverse_transform")
        need(is_one and fitted.n_features_in_ == width, "Its transformer_ is")
        for mean, whitening in (self._codes, self._residuals):
            is_square = whitening.shape == mean.shape * 2 and mean.ndim == 1
            is_float = mean.dtype == whitening.dtype == np.float64
            need(is_square and is_float, "Its spread of codes or residuals is")
        need(len(self._residuals[0]) == width, "Its residuals are")
        numbers = self.offset_, self._unit
        need(all(type(one) is float for one in numbers), "Its offset_ is")
        need(self.held_out_scores_.dtype == np.float64, "Its held_out_scores_ is")

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        given = self.transformer
        takes_nan = given is None or get_tags(given).input_tags.allow_nan
        tags.input_tags.allow_nan = takes_nan
        return tags


def _held_out(
    transformer: Any, X: NDArray, splits: list[Any], kept: NDArray
) -> tuple[NDArray[np.float64], _Spread]:
    """Return squared distances of held-out rows, and the spread of their residuals.

    Transformers are fitted to rows that are kept alone. Codes of different folds have
    different meanings, and so each has a spread of its own.
    """
    squares, residuals = np.empty(len(X)), np.empty(X.shape)
    for train, test in splits:
        known = train[kept[train]]
        codes, left = _parts(clone(transformer).fit(X[known]), X)
        residuals[test] = left[test]
        spread = _spread_of(codes[known], _least(codes))
        squares[test] = _squared_distances(codes[test], spread)
    spread = _spread_of(residuals[kept], _least(X))
    return squares + _squared_distances(residuals, spread), spread
