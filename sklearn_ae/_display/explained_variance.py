"""Display of what is explained by more and more codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.utils._optional_dependencies import check_matplotlib_support

from sklearn_ae._display.arguments import given_or_new, last_step_with

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DEFAULT_SIZES = (1, 2, 5, 10)


@dataclass(eq=False, repr=False)
class ExplainedVarianceDisplay:
    """Fraction of variance explained by more and more codes, beside PCA's.

    Use :meth:`from_estimator` to create it. Parameters are stored as attributes.

    Parameters
    ----------
    n_components : array-like of shape (n_sizes,)
        Numbers of codes.
    scores : array-like of shape (n_sizes,)
        Fraction of variance that the autoencoder explains with each.
    pca_scores : array-like of shape (n_sizes,)
        The same of PCA.
    held_out : bool, default=False
        Whether the rows were not those of the fit, for the label of the axis.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
        Where the curves are.
    lines_ : list of matplotlib Line2D
        The curves of the autoencoder and of PCA.

    See Also
    --------
    LossCurveDisplay : The loss of each epoch of one fit.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn_ae import AutoencoderTransformer, ExplainedVarianceDisplay
    >>> X = load_wine().data
    >>> display = ExplainedVarianceDisplay.from_estimator(
    ...     AutoencoderTransformer(max_iter=5, random_state=0), X, n_components=(1, 2)
    ... )
    >>> display.ax_.get_xlabel()
    'number of codes'
    """

    n_components: ArrayLike
    scores: ArrayLike
    pca_scores: ArrayLike
    _: KW_ONLY
    held_out: bool = False

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: ArrayLike,
        *,
        n_components: Sequence[int] | None = None,
        X_test: ArrayLike | None = None,
        ax: Axes | None = None,
        line_kw: dict[str, Any] | None = None,
    ) -> ExplainedVarianceDisplay:
        """Fit an estimator with several numbers of codes and plot what they explain.

        It costs one fit of a clone for each number of codes; the estimator itself
        stays as it is and need not be fitted. PCA is the estimator without hidden
        layers, so that both are scored alike, missing values included.

        Parameters
        ----------
        estimator : AutoencoderTransformer or Pipeline
            Its `n_components` is replaced. The steps of a pipeline before the last are
            fitted once, and what is explained is measured behind them.
        X : array-like of shape (n_samples, n_features)
            Rows to fit to.
        n_components : sequence of int, default=None
            Numbers of codes to try. None takes those of 1, 2, 5 and 10 that `X` has
            rows and columns for.
        X_test : array-like of shape (n_test_samples, n_features), default=None
            Rows to score; None scores those of the fit, which flatters.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        line_kw : dict, default=None
            Keyword arguments for `matplotlib.axes.Axes.plot`, for the curves.

        Returns
        -------
        display : ExplainedVarianceDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If `estimator` is neither an autoencoder nor ends in one.
        ValueError
            If `n_components` are not whole numbers from 1 up, or if `X_test` has other
            columns than `X`.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        names = ["n_components", "hidden_layer_sizes", "fit", "score"]
        model = last_step_with(estimator, names, "an AutoencoderTransformer")
        rows: Any = X
        scored = X if X_test is None else X_test
        if np.shape(scored)[1:] != np.shape(rows)[1:]:
            raise ValueError(
                f"X_test has the shape {np.shape(scored)}, but X has {np.shape(rows)}; "
                "both need the same columns."
            )
        if model is not estimator and len(estimator) > 1:
            before = clone(estimator[:-1]).fit(rows)
            rows, scored = before.transform(rows), before.transform(scored)
        largest = min(np.shape(rows))  # beyond which PCA has no components
        sizes = _sizes(n_components, largest)
        pca = type(model)(hidden_layer_sizes=(), random_state=0)
        # PCA is quick, and the largest size the first that cannot be fitted: what is
        # wrong shows before the long fits.
        pca_scores = [
            _score(pca, size, rows, scored) if size <= largest else np.nan
            for size in sizes
        ]
        scores = [_score(model, size, rows, scored) for size in reversed(sizes)]
        numbers = [np.array(values) for values in (sizes, scores[::-1], pca_scores)]
        display = cls(*numbers, held_out=X_test is not None)
        return display.plot(ax=ax, line_kw=line_kw)

    def plot(
        self, ax: Axes | None = None, *, line_kw: dict[str, Any] | None = None
    ) -> ExplainedVarianceDisplay:
        """Draw the curves.

        Parameters
        ----------
        ax, line_kw : Axes, dict
            As in :meth:`from_estimator`.

        Returns
        -------
        display : ExplainedVarianceDisplay
            The display itself.
        """
        from matplotlib.ticker import MaxNLocator

        self.ax_, self.figure_ = given_or_new(ax, self)
        self.lines_ = []
        for label, scores, look in (
            ("autoencoder", self.scores, "o-"),
            ("PCA", self.pca_scores, "s--"),
        ):
            (line,) = self.ax_.plot(self.n_components, scores, look, label=label)
            line.set(**(line_kw or {}))
            self.lines_.append(line)
        of_rows = "held-out rows" if self.held_out else "training rows"
        self.ax_.set_xlabel("number of codes")
        self.ax_.set_ylabel(f"fraction of variance explained ({of_rows})")
        self.ax_.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        self.ax_.legend()
        return self


def _sizes(n_components: Any, largest: int) -> list[int]:
    """Return the numbers of codes to try, in ascending order."""
    if n_components is None:
        return [size for size in DEFAULT_SIZES if size <= max(largest, 1)]
    sizes = np.unique(np.asarray(n_components))
    if sizes.size == 0 or sizes.dtype.kind not in "iu" or sizes[0] < 1:
        raise ValueError(
            f"n_components={n_components!r} must be whole numbers from 1 up, such as "
            f"{DEFAULT_SIZES}."
        )
    return sizes.tolist()


def _score(model: Any, n_components: int, X: Any, scored: Any) -> float:
    """Fit a clone with a number of codes and return its score."""
    sized = clone(model).set_params(n_components=n_components)
    return float(sized.fit(X).score(scored))
