"""The estimator that draws new rows of a table from a density of its codes."""

from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, DensityMixin, _fit_context, clone
from sklearn.pipeline import Pipeline
from sklearn.utils import Tags, _safe_indexing, check_random_state, get_tags
from sklearn.utils._param_validation import HasMethods, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, check_scalar

from sklearn_ae._persistence import PersistenceMixin, need, saved
from sklearn_ae._sampling import (
    Margins,
    Matrices,
    codes_of,
    drawn_codes,
    drawn_residuals,
    fitted_mixture,
    numbers_of,
)
from sklearn_ae._table import reader_of, validated_table
from sklearn_ae._table_encoder import TableEncoder

# Rows whose residuals and quantiles are kept.
MOST_ROWS = 5000
# Rows that are drawn for quantiles, for each of these.
DRAWN_PER_ROW = 20


def _encoder_of(transformer: Any) -> TableEncoder | None:
    """Return the encoder that is a transformer, or its first step, if there is one."""
    first = transformer[0] if isinstance(transformer, Pipeline) else transformer
    return first if isinstance(first, TableEncoder) else None


def _has_scores(sampler: Any) -> bool:
    """Whether the density has the likelihood of codes; None, the default, has."""
    density = getattr(sampler, "density_", sampler.density)
    return density is None or hasattr(density, "score_samples")


@saved(
    "transformer_", "density_", "_reader", "_scale", "_codes", "_residuals",
    "_are_indicators", "_drawn", "_known", "_are_discrete",
)  # fmt: skip
class TableSampler(PersistenceMixin, DensityMixin, BaseEstimator):
    """Draw new rows of a table from a density of its codes.

    Codes are drawn and decoded, and residuals of reconstructions are added. Then each
    column gets the distribution that it has in the training rows, by ranks; a column
    of integers or of values that repeat has only values that were seen.

    Parameters
    ----------
    transformer : transformer or Pipeline
        What makes codes, and has `inverse_transform`: :class:`AutoencoderTransformer`
        or PCA, behind a scaler, or behind :class:`TableEncoder` for tables with
        categories and dates.
    density : estimator or None, default=None
        What is fitted to the codes, divided by their standard deviations, and has
        `sample`, such as :class:`~sklearn.neighbors.KernelDensity`. None is a Gaussian
        mixture with a component for each 50 rows, at most 64.
    residuals : {"bootstrap"} or None, default="bootstrap"
        What is added to decoded codes. "bootstrap" adds combinations of residuals of
        training rows with codes nearby, None nothing.
    random_state : int, RandomState instance or None, default=None
        Determines the fit of the density and the samples: with an int, each call of
        `sample` gives the same ones, as that of
        :class:`~sklearn.mixture.GaussianMixture` does.

    Attributes
    ----------
    transformer_ : transformer
        The fitted transformer.
    density_ : estimator
        The fitted density, of codes with unit variance.
    n_features_in_, feature_names_in_ : int, ndarray of shape (n_features_in_,)
        Number of columns seen during `fit`, and their names, if all are strings.

    See Also
    --------
    AutoencoderImputer : Missing cells, filled once or several times.

    Notes
    -----
    Samples resemble rows, and so do not protect the privacy of these; the user guide
    says what they are good for.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.decomposition import PCA
    >>> from sklearn_ae import TableSampler
    >>> X = load_iris(as_frame=True).data
    >>> sampler = TableSampler(PCA(2), random_state=0).fit(X)
    >>> samples = sampler.sample(100)
    >>> samples.shape, samples.columns.equals(X.columns)
    ((100, 4), True)
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "transformer": [HasMethods(["fit", "transform"])],
        "density": [HasMethods(["fit", "sample"]), None],
        "residuals": [StrOptions({"bootstrap"}), None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        transformer: Any,
        *,
        density: Any = None,
        residuals: str | None = "bootstrap",
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.transformer = transformer
        self.density = density
        self.residuals = residuals
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit the transformer, and the density to its codes.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            A frame of pandas or polars, or an array, as the transformer takes it.
        y : array-like or None, default=None
            Given to the transformer. To sample a target too, let it be a column.

        Returns
        -------
        self : TableSampler
            The fitted sampler.

        Raises
        ------
        TypeError
            If the transformer has no `inverse_transform`, or columns are no numbers
            without a `TableEncoder` as first step.
        ValueError
            If there is one row alone, or codes are not finite.
        """
        X = validated_table(self, X, reset=True)
        if len(X) == 1:
            raise ValueError("X has n_samples=1, but a density needs 2 at least.")
        transformer = self._fitted_transformer(X, y)
        rng = check_random_state(self.random_state)
        codes = codes_of(transformer, X)
        if not np.isfinite(codes).all():
            raise ValueError(
                "The codes of X have missing or infinite values. Let the last step be "
                "one that gives none, such as AutoencoderTransformer."
            )
        scale = codes.std(axis=0)
        scale[scale == 0] = 1.0
        codes /= scale
        if self.density is None:
            density = fitted_mixture(codes, int(rng.randint(2**31 - 1)))
        else:
            density = clone(self.density).fit(codes)
        # Only a fit that has succeeded replaces what was there before.
        self.transformer_, self.density_ = transformer, density
        self._reader, self._scale = reader_of(X), scale
        rows = np.sort(rng.permutation(len(X))[:MOST_ROWS])
        self._learn_rest(_safe_indexing(X, rows), codes[rows], rng)
        return self

    def sample(self, n_samples: int = 1) -> Any:
        """Draw rows.

        Parameters
        ----------
        n_samples : int, default=1
            How many.

        Returns
        -------
        X : DataFrame or ndarray of shape (n_samples, n_features)
            Of the columns and dtypes that `fit` has seen. With `residuals="bootstrap"`
            cells are missing where they are in a training row with a code nearby; with
            None, no cell is.

        Raises
        ------
        TypeError, ValueError
            If `n_samples` is no integer of at least 1.
        """
        check_is_fitted(self)
        check_scalar(n_samples, "n_samples", Integral, min_val=1)
        rng = check_random_state(self.random_state)
        matrix = self._matrices.in_units(self._drawn_matrix(n_samples, rng))
        are_numbers = ~self._are_indicators
        margins = Margins(self._drawn, self._known, self._are_discrete)
        matrix[:, are_numbers] = margins.carry(matrix[:, are_numbers])
        return self._matrices.table(matrix)

    @available_if(_has_scores)
    def score_samples(self, X: Any) -> NDArray[np.float64]:
        """Compute the log-likelihood of the codes of rows.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Columns as in `fit`.

        Returns
        -------
        log_likelihood : ndarray of shape (n_samples,)
            Logarithm of the density of the codes, in their own units. What the codes
            do not have of a row has no part in it.
        """
        check_is_fitted(self)
        X = validated_table(self, X, reset=False)
        codes = codes_of(self.transformer_, X) / self._scale
        scores: NDArray[np.float64] = self.density_.score_samples(codes)
        return scores - np.log(self._scale).sum()

    @available_if(_has_scores)
    def score(self, X: Any, y: object = None) -> float:
        """Compute the mean log-likelihood of the codes of rows.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Columns as in `fit`.
        y : None
            Ignored.

        Returns
        -------
        log_likelihood : float
            Mean of what :meth:`score_samples` gives.
        """
        return float(self.score_samples(X).mean())

    def _fitted_transformer(self, X: Any, y: Any) -> Any:
        """Return a fitted copy of the transformer."""
        if not hasattr(self.transformer, "inverse_transform"):
            raise TypeError(
                f"transformer={self.transformer!r:.200} has no inverse_transform. Take "
                "steps that all have it, such as StandardScaler, PCA, TableEncoder and "
                "AutoencoderTransformer."
            )
        if _encoder_of(self.transformer) is None:
            numbers_of(X)
        return clone(self.transformer).fit(X, y)

    def _learn_rest(self, X: Any, codes: NDArray, rng: np.random.RandomState) -> None:
        """Learn residuals and margins."""
        matrices = self._matrices
        matrix = matrices.of_table(X)
        self._are_indicators, are_integers = matrices.kinds(X)
        self._codes: NDArray | None = None
        self._residuals: NDArray | None = None
        if self.residuals is not None:
            self._codes = codes
            self._residuals = matrix - matrices.of_codes(codes * self._scale)
        numbers = ~self._are_indicators
        n_drawn = min(MOST_ROWS, DRAWN_PER_ROW * len(matrix))
        drawn = matrices.in_units(self._drawn_matrix(n_drawn, rng))[:, numbers]
        known = matrices.with_numbers(matrix, X)[:, numbers]
        margins = Margins.learn(known, drawn, are_integers[numbers])
        self._drawn, self._known, self._are_discrete = margins

    @property
    def _matrices(self) -> Matrices:
        """What tables are as matrices."""
        transformer = self.transformer_
        return Matrices(transformer, _encoder_of(transformer), self._reader)

    def _drawn_matrix(
        self, n_samples: int, rng: np.random.RandomState
    ) -> NDArray[np.float64]:
        """Draw rows of the matrix, whose margins are not yet those of training rows."""
        codes = drawn_codes(self.density_, n_samples, rng)
        matrix = self._matrices.of_codes(codes * self._scale)
        if self._codes is not None and self._residuals is not None:
            known = self._codes, self._residuals
            matrix += drawn_residuals(codes, *known, self._are_indicators, rng)
        return matrix

    def _complete(self) -> None:
        """Check what was loaded."""
        width, scale = len(self._are_indicators), self._scale
        n_numbers = width - int(self._are_indicators.sum())
        is_scale = scale.ndim == 1 and scale.dtype == np.float64 and (scale > 0).all()
        need(is_scale, "Its scale is")
        masks = {self._are_indicators.dtype, self._are_discrete.dtype}
        need(masks == {np.dtype(bool)}, "What is known of its columns is")
        need(self._are_discrete.shape == (n_numbers,), "Its discrete columns are")
        for quantiles in (self._drawn, self._known):
            is_table = quantiles.ndim == 2 and quantiles.dtype == np.float64
            need(is_table and len(quantiles), "Its quantiles are")
            need(quantiles.shape[1] == n_numbers, "Its quantiles are")
        if self._codes is not None and self._residuals is not None:
            n_rows = len(self._residuals)
            need(self._residuals.shape == (n_rows, width), "Its residuals are")
            need(self._codes.shape == (n_rows, len(scale)), "Its codes are")
        for name in ("transformer_", "density_"):
            is_estimator = hasattr(getattr(self, name), "get_params")
            need(is_estimator, f"Its {name} is")
        need(hasattr(self.density_, "sample"), "Its density_ is")
        n_features = getattr(self.transformer_, "n_features_in_", self.n_features_in_)
        need(n_features == self.n_features_in_, "Its transformer_ is")

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags = get_tags(self.transformer).input_tags
        tags.input_tags.sparse = False
        tags.target_tags = get_tags(self.transformer).target_tags
        return tags
