"""Display of what is explained by more and more codes."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.utils._optional_dependencies import check_matplotlib_support

from sklearn_ae._display.arguments import Display, last_step_with


@dataclass(eq=False, repr=False)
class ExplainedVarianceDisplay(Display):
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

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn_ae import AutoencoderTransformer, ExplainedVarianceDisplay
    >>> from sklearn.preprocessing import scale
    >>> X = scale(load_wine().data)
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
        X: Any,
        *,
        n_components: Sequence[int] | None = None,
        X_test: Any = None,
        ax: Any = None,
        line_kw: dict[str, Any] | None = None,
    ) -> Self:
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
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        model = last_step_with(estimator, "n_components", "hidden_layer_sizes")
        rows, scored = X, X if X_test is None else X_test
        if model is not estimator and len(estimator) > 1:
            before = clone(estimator[:-1]).fit(rows)
            rows, scored = before.transform(rows), before.transform(scored)
        largest = max(min(np.shape(rows)), 1)  # beyond which PCA has no components
        if n_components is None:
            n_components = [size for size in (1, 2, 5, 10) if size <= largest]
        sizes = np.unique(n_components)

        def score(model: Any, size: int) -> float:
            """Fit a clone with a number of codes and return its score."""
            sized = clone(model).set_params(n_components=size).fit(rows)
            return sized.score(scored)

        # PCA is quick, and the largest size the first that cannot be fitted: what is
        # wrong shows before the long fits.
        pca = type(model)(hidden_layer_sizes=(), random_state=0)
        pca_scores = [score(pca, n) if n <= largest else np.nan for n in sizes.tolist()]
        scores = [score(model, n) for n in sizes[::-1].tolist()][::-1]
        numbers = (sizes, np.array(scores), np.array(pca_scores))
        display = cls(*numbers, held_out=X_test is not None)
        return display.plot(ax=ax, line_kw=line_kw)

    def plot(self, ax: Any = None, *, line_kw: dict[str, Any] | None = None) -> Self:
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
        self._take_axes(ax)
        curves = [
            ("autoencoder", self.n_components, self.scores, "o-"),
            ("PCA", self.n_components, self.pca_scores, "s--"),
        ]
        self._draw_curves(curves, line_kw)
        of_rows = "held-out rows" if self.held_out else "training rows"
        self.ax_.set_xlabel("number of codes")
        self.ax_.set_ylabel(f"fraction of variance explained ({of_rows})")
        self.ax_.legend()
        return self
