"""Display of the loss of each epoch."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from sklearn_ae._display.arguments import given_or_new, last_step_with

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(eq=False, repr=False)
class LossCurveDisplay:
    """Loss of each epoch of a fit, beside what PCA reaches.

    Use :meth:`from_estimator` to create it. Parameters are stored as attributes.

    Parameters
    ----------
    loss_curve : array-like of shape (n_iter,)
        Training loss of each epoch, a fraction of the total variance where `loss` is
        "squared_error". With cross-validation (`cv`) it may rise halfway, where
        training goes on with all rows and the learning rate starts anew.
    validation_loss_curve : array-like of shape (n_iter,), default=None
        Loss on the held-out rows after each epoch; None where no rows were held out.
    pca_loss : float, default=None
        Fraction of variance that PCA does not explain; None draws no line for it.
    loss : str, default="squared_error"
        The loss that was trained with, for the label of the axis.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
        Where the curves are.
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

    loss_curve: ArrayLike
    _: KW_ONLY
    validation_loss_curve: ArrayLike | None = None
    pca_loss: float | None = None
    loss: str = "squared_error"

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

        PCA's level is not drawn where it would not compare: with another loss than the
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

        Raises
        ------
        TypeError
            If there is no loss curve in `estimator`.
        """
        names = ["loss", "loss_curve_", "validation_loss_curve_", "pca_score_"]
        model = last_step_with(estimator, names, "a fitted AutoencoderTransformer")
        validation = model.validation_loss_curve_
        # PCA's score is a share of the variance, which only this loss measures, and is
        # not one of denoising.
        is_noisy = bool(getattr(model, "noise", None))
        compares = model.loss == "squared_error" and not is_noisy
        display = cls(
            np.array(model.loss_curve_, dtype=float),
            validation_loss_curve=(
                None if validation is None else np.array(validation, dtype=float)
            ),
            pca_loss=1.0 - model.pca_score_ if compares else None,
            loss=model.loss,
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
        ax, log_scale, line_kw : Axes, bool or "auto", dict
            As in :meth:`from_estimator`.

        Returns
        -------
        display : LossCurveDisplay
            The display itself.
        """
        if log_scale not in (True, False, "auto"):
            raise ValueError(f'log_scale={log_scale!r} must be True, False or "auto".')
        self.ax_, self.figure_ = given_or_new(ax, self)
        self.lines_ = []
        held_out = self.validation_loss_curve is not None
        self._plot_epochs(self.loss_curve, "training", "-", line_kw)
        if held_out:
            self._plot_epochs(self.validation_loss_curve, "validation", "--", line_kw)
        if self.pca_loss is not None:
            label = "PCA, on the validation rows" if held_out else "PCA"
            look: dict[str, Any] = {"color": "black", "linestyle": ":"}
            self.lines_.append(self.ax_.axhline(self.pca_loss, label=label, **look))
        self._scale_losses(log_scale)
        self._label_axes()
        return self

    def _plot_epochs(
        self, curve: Any, label: str, linestyle: str, line_kw: dict[str, Any] | None
    ) -> None:
        """Add the curve of one set of rows, if there was any epoch."""
        if len(curve) > 0:
            # A line through a single epoch is invisible without a marker.
            marker = "o" if len(curve) == 1 else None
            (line,) = self.ax_.plot(np.arange(1, len(curve) + 1), curve, marker=marker)
            line.set(label=label, linestyle=linestyle)
            line.set(**(line_kw or {}))
            self.lines_.append(line)

    def _scale_losses(self, log_scale: bool | str) -> None:
        """Choose a logarithmic axis, or one that starts at zero."""
        from matplotlib.ticker import FormatStrFormatter, LogLocator

        drawn: list[Any] = [line.get_ydata() for line in self.lines_]
        losses = [float(loss) for curve in drawn for loss in curve]
        if log_scale == "auto":
            # A curve that falls further is read on a logarithmic axis.
            log_scale = bool(losses) and 0 < 10 * min(losses) < max(losses)
        if log_scale:
            self.ax_.set_yscale("log")
            self.ax_.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            self.ax_.yaxis.set_major_formatter(FormatStrFormatter("%g"))
        else:
            self.ax_.update_datalim([(1, 0)], updatex=False)
            self.ax_.autoscale_view(scalex=False)
            self.ax_.set_ylim(bottom=0)

    def _label_axes(self) -> None:
        """Name the axes and the curves."""
        from matplotlib.ticker import MaxNLocator

        is_share = self.loss == "squared_error"
        unit = "fraction of variance unexplained"
        self.ax_.set_ylabel(unit if is_share else "loss (1: as good as the mean)")
        self.ax_.set_xlabel("epoch")
        self.ax_.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        if np.size(self.loss_curve) == 0:
            self.ax_.set_xticks([])
        if self.lines_:
            self.ax_.legend()
