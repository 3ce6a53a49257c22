"""Display of the loss of each epoch."""

from dataclasses import KW_ONLY, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from sklearn_ae._display.arguments import Display, last_step_with


@dataclass(eq=False, repr=False)
class LossCurveDisplay(Display):
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

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn_ae import AutoencoderTransformer, LossCurveDisplay
    >>> from sklearn.preprocessing import scale
    >>> X = scale(load_wine().data)
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
        ax: Any = None,
        log_scale: bool | str = "auto",
        line_kw: dict[str, Any] | None = None,
    ) -> Self:
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
        model = last_step_with(estimator, *names)
        validation = model.validation_loss_curve_
        compares = model.loss == "squared_error" and not getattr(model, "noise", None)
        display = cls(
            np.asarray(model.loss_curve_),
            validation_loss_curve=None if validation is None else np.array(validation),
            pca_loss=1.0 - model.pca_score_ if compares else None,
            loss=model.loss,
        )
        return display.plot(ax=ax, log_scale=log_scale, line_kw=line_kw)

    def plot(
        self,
        ax: Any = None,
        *,
        log_scale: bool | str = "auto",
        line_kw: dict[str, Any] | None = None,
    ) -> Self:
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
        self._take_axes(ax)
        losses, held_out = np.asarray(self.loss_curve), self.validation_loss_curve
        epochs = np.arange(1, len(losses) + 1)
        # A line through a single epoch is invisible without a marker.
        marker = "o" if len(losses) == 1 else ""
        curves = [("training", epochs, losses, f"{marker}-")]
        if held_out is not None:
            curves.append(("validation", epochs, np.asarray(held_out), f"{marker}--"))
        self._draw_curves(curves if len(losses) else [], line_kw)
        if self.pca_loss is not None:
            label = "PCA" if held_out is None else "PCA, on the validation rows"
            level = self.ax_.axhline(self.pca_loss, label=label, color="k", ls=":")
            self.lines_.append(level)
        self._scale_losses(log_scale)
        is_share = self.loss == "squared_error"
        unit = "fraction of variance unexplained"
        self.ax_.set_ylabel(unit if is_share else "loss (1: as good as the mean)")
        self.ax_.set_xlabel("epoch")
        if len(losses) == 0:
            self.ax_.set_xticks([])
        if self.lines_:
            self.ax_.legend()
        return self

    def _scale_losses(self, log_scale: bool | str) -> None:
        """Choose a logarithmic axis, or one that starts at zero."""
        from matplotlib.ticker import FormatStrFormatter, LogLocator

        if log_scale == "auto":
            losses = np.ravel(
                [loss for line in self.lines_ for loss in line.get_ydata()]
            )
            log_scale = losses.size > 0 and 0 < 10 * losses.min() < losses.max()
        if log_scale:
            self.ax_.set_yscale("log")
            self.ax_.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            self.ax_.yaxis.set_major_formatter(FormatStrFormatter("%g"))
        else:
            self.ax_.update_datalim([(1, 0)], updatex=False)
            self.ax_.autoscale_view(scalex=False)
            self.ax_.set_ylim(bottom=0)
