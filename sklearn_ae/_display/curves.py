"""Displays of one number against another: losses, and what is explained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils._optional_dependencies import check_matplotlib_support
from sklearn.utils.validation import check_is_fitted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DEFAULT_SIZES = (1, 2, 5, 10)
# A curve that falls further than this is read on a logarithmic axis.
LINEAR_RANGE = 10.0


def last_step(estimator: Any) -> Any:
    """Return the last step of a pipeline, and any other estimator as it is."""
    return estimator[-1] if isinstance(estimator, Pipeline) else estimator


def new_or_given(ax: Axes | None) -> Axes:
    """Return `ax`, or the axes of a new figure."""
    import matplotlib.pyplot as plt

    return plt.subplots()[1] if ax is None else ax


class LossCurveDisplay:
    """Loss of each epoch of a fit, beside what PCA reaches.

    It is recommended to use :meth:`from_estimator` to create a display. All parameters
    are stored as attributes.

    Parameters
    ----------
    loss_curve : array-like of shape (n_iter,)
        Training loss of each epoch, a fraction of the total variance where `loss` is
        "squared_error". With the guard of the estimator (`cv`) it may rise halfway,
        where training goes on with all rows and the learning rate starts anew.

    validation_loss_curve : array-like of shape (n_iter,), default=None
        Loss on the held-out rows after each epoch; None where no rows were held out.

    pca_loss : float, default=None
        Fraction of variance that PCA leaves unexplained; None draws no line for it.

    loss : str, default="squared_error"
        The loss that was trained with, for the label of the axis.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the curves.

    figure_ : matplotlib Figure
        Figure that the axes are in.

    lines_ : list of matplotlib Line2D
        The curves: training, validation where there is one, PCA where it is drawn.

    See Also
    --------
    ExplainedVarianceDisplay : What is explained by how many codes.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn_ae import AutoencoderTransformer, LossCurveDisplay
    >>> X = load_wine().data
    >>> autoencoder = AutoencoderTransformer(max_iter=5, random_state=0).fit(X)
    >>> display = LossCurveDisplay.from_estimator(autoencoder)
    >>> display.ax_.get_xlabel()
    'epoch'
    """

    def __init__(
        self,
        loss_curve: ArrayLike,
        *,
        validation_loss_curve: ArrayLike | None = None,
        pca_loss: float | None = None,
        loss: str = "squared_error",
    ) -> None:
        self.loss_curve = loss_curve
        self.validation_loss_curve = validation_loss_curve
        self.pca_loss = pca_loss
        self.loss = loss

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        ax: Axes | None = None,
        log_scale: bool | str = "auto",
        line_kw: dict[str, Any] | None = None,
    ) -> LossCurveDisplay:
        """Create a display from a fitted estimator and plot it.

        PCA's level is left out where it would not compare: with another loss than the
        squared error, and after training with noise.

        Parameters
        ----------
        estimator : AutoencoderTransformer or Pipeline
            Fitted; of a pipeline, the last step is shown.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        log_scale : bool or "auto", default="auto"
            Whether the loss has a logarithmic axis. "auto" takes one where the largest
            value is more than ten times the smallest.
        line_kw : dict, default=None
            Keyword arguments for `matplotlib.axes.Axes.plot`, for the curves.

        Returns
        -------
        display : LossCurveDisplay
            The display, drawn.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        check_is_fitted(estimator)
        autoencoder = last_step(estimator)
        pca_loss = None
        # PCA's score is a share of the variance, which only this loss measures, and is
        # not one of denoising.
        is_noisy = bool(getattr(autoencoder, "noise", None))
        if autoencoder.loss == "squared_error" and not is_noisy:
            pca_loss = 1.0 - autoencoder.pca_score_
        validation = autoencoder.validation_loss_curve_
        display = cls(
            np.array(autoencoder.loss_curve_, dtype=float),
            validation_loss_curve=(
                None if validation is None else np.array(validation, dtype=float)
            ),
            pca_loss=pca_loss,
            loss=autoencoder.loss,
        )
        return display.plot(ax=ax, log_scale=log_scale, line_kw=line_kw)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        log_scale: bool | str = "auto",
        line_kw: dict[str, Any] | None = None,
    ) -> LossCurveDisplay:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        log_scale : bool or "auto", default="auto"
            Whether the loss has a logarithmic axis. "auto" takes one where the largest
            value is more than ten times the smallest.
        line_kw : dict, default=None
            Keyword arguments for `matplotlib.axes.Axes.plot`, for the curves.

        Returns
        -------
        display : LossCurveDisplay
            The display itself.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        self.ax_ = new_or_given(ax)
        self.figure_ = self.ax_.figure
        self.lines_ = []
        held_out = self.validation_loss_curve is not None
        self._plot_epochs(
            self.loss_curve, {"label": "training", "linestyle": "-"}, line_kw
        )
        if held_out:
            look = {"label": "validation", "linestyle": "--"}
            self._plot_epochs(self.validation_loss_curve, look, line_kw)
        if self.pca_loss is not None:
            label = "PCA, on the validation rows" if held_out else "PCA"
            self.lines_.append(
                self.ax_.axhline(
                    self.pca_loss, label=label, color="black", linestyle=":"
                )
            )
        self._label_axes(log_scale)
        return self

    def _plot_epochs(
        self, curve: Any, look: dict[str, Any], line_kw: dict[str, Any] | None
    ) -> None:
        """Add the curve of one set of rows, if there was any epoch."""
        if len(curve) == 0:
            return
        # A line through a single epoch is invisible without a marker.
        look = {**look, "marker": "o" if len(curve) == 1 else None, **(line_kw or {})}
        epochs = np.arange(1, len(curve) + 1)
        self.lines_ += self.ax_.plot(epochs, curve, **look)

    def _label_axes(self, log_scale: bool | str) -> None:
        """Name the axes and choose their scales."""
        from matplotlib.ticker import FormatStrFormatter, LogLocator, MaxNLocator

        if log_scale is True or (log_scale == "auto" and self._spans_decades()):
            self.ax_.set_yscale("log")
            self.ax_.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            self.ax_.yaxis.set_major_formatter(FormatStrFormatter("%g"))
        else:
            self.ax_.set_ylim(bottom=0)
        unit = "loss (1: as good as the mean)"
        if self.loss == "squared_error":
            unit = "fraction of variance unexplained"
        self.ax_.set(xlabel="epoch", ylabel=unit)
        if np.size(self.loss_curve) > 0:
            self.ax_.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        else:
            self.ax_.set_xticks([])
        if self.lines_:
            self.ax_.legend()

    def _spans_decades(self) -> bool:
        """Whether the values lie too far apart for a linear axis."""
        drawn = [self.loss_curve, self.validation_loss_curve, self.pca_loss]
        values = np.concatenate(
            [np.ravel(np.asarray(v, dtype=float)) for v in drawn if v is not None]
        )
        if values.size == 0 or values.min() <= 0:
            return False
        return bool(values.max() > LINEAR_RANGE * values.min())


class ExplainedVarianceDisplay:
    """Fraction of variance explained by more and more codes, beside PCA's.

    It is recommended to use :meth:`from_estimator` to create a display. All parameters
    are stored as attributes.

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
    ax_ : matplotlib Axes
        Axes with the curves.

    figure_ : matplotlib Figure
        Figure that the axes are in.

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

    def __init__(
        self,
        n_components: ArrayLike,
        scores: ArrayLike,
        pca_scores: ArrayLike,
        *,
        held_out: bool = False,
    ) -> None:
        self.n_components = n_components
        self.scores = scores
        self.pca_scores = pca_scores
        self.held_out = held_out

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
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        rows: Any = X
        scored = X if X_test is None else X_test
        autoencoder = last_step(estimator)
        if autoencoder is not estimator and len(estimator) > 1:
            before = clone(estimator[:-1]).fit(rows)
            rows, scored = before.transform(rows), before.transform(scored)
        if n_components is None:
            largest = min(np.shape(rows))
            n_components = [size for size in DEFAULT_SIZES if size <= largest]
        pca = type(autoencoder)(hidden_layer_sizes=(), random_state=0)
        scores = [_score(autoencoder, size, rows, scored) for size in n_components]
        largest = min(np.shape(rows))  # beyond which PCA has no components
        pca_scores = [
            _score(pca, size, rows, scored) if size <= largest else np.nan
            for size in n_components
        ]
        display = cls(
            np.array(n_components),
            np.array(scores),
            np.array(pca_scores),
            held_out=X_test is not None,
        )
        return display.plot(ax=ax, line_kw=line_kw)

    def plot(
        self, ax: Axes | None = None, *, line_kw: dict[str, Any] | None = None
    ) -> ExplainedVarianceDisplay:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        line_kw : dict, default=None
            Keyword arguments for `matplotlib.axes.Axes.plot`, for the curves.

        Returns
        -------
        display : ExplainedVarianceDisplay
            The display itself.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        from matplotlib.ticker import MaxNLocator

        self.ax_ = new_or_given(ax)
        self.figure_ = self.ax_.figure
        self.lines_ = []
        for label, scores, marker, linestyle in (
            ("autoencoder", self.scores, "o", "-"),
            ("PCA", self.pca_scores, "s", "--"),
        ):
            look: dict[str, Any] = {"marker": marker, "linestyle": linestyle}
            look |= {"label": label, **(line_kw or {})}
            self.lines_ += self.ax_.plot(self.n_components, scores, **look)
        of_rows = "held-out rows" if self.held_out else "training rows"
        self.ax_.set(
            xlabel="number of codes",
            ylabel=f"fraction of variance explained ({of_rows})",
        )
        self.ax_.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        self.ax_.legend()
        return self


def _score(model: Any, n_components: int, X: Any, scored: Any) -> float:
    """Fit a clone with a number of codes and return its score."""
    sized = clone(model).set_params(n_components=n_components)
    return float(sized.fit(X).score(scored))
