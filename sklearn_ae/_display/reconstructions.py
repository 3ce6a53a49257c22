"""Display of reconstructions: images or columns beside what the codes give back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._optional_dependencies import check_matplotlib_support
from sklearn.utils.validation import check_is_fitted

from sklearn_ae._display.arguments import check_has

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(eq=False, repr=False)
class ReconstructionDisplay:
    """Rows beside what is decoded from their codes.

    Images are drawn with their codes and reconstructions below them; of tables, each
    column is drawn against its reconstruction.
    Use :meth:`from_estimator` to create it. Parameters are stored as attributes.

    Parameters
    ----------
    original : ndarray of shape (n_samples, n_shown_features)
        The values to compare with.
    reconstruction : ndarray of shape (n_samples, n_shown_features)
        What the estimator has made of them.
    codes : ndarray of shape (n_samples, n_components), default=None
        Codes of the rows; drawn with images. None omits them.
    inputs : ndarray of shape (n_samples, n_shown_features), default=None
        What was encoded, where it was not `original`; drawn with images.
    image_shape : tuple of two ints, default=None
        Height and width of the images that the rows are; None for a table.
    feature_names : sequence of str of length n_shown_features, default=None
        Names of the columns; None numbers them. Not used for images.
    r2_scores : array-like of shape (n_shown_features,), default=None
        R2 of each column's reconstruction; None omits it. Not used for images.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes
        For images of shape (n_rows, n_images), else of shape (n_shown_features,).
    figure_ : matplotlib Figure
        Figure that the axes are in.

    See Also
    --------
    CodesDisplay : Two codes of each row, one against the other.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_ae import AutoencoderTransformer, ReconstructionDisplay
    >>> X = load_digits().data[:200]
    >>> autoencoder = AutoencoderTransformer(5, max_iter=5, random_state=0).fit(X)
    >>> display = ReconstructionDisplay.from_estimator(
    ...     autoencoder, X, image_shape=(8, 8), n_images=4
    ... )
    >>> display.axes_.shape  # originals, codes and reconstructions of four digits
    (3, 4)
    """

    original: NDArray
    reconstruction: NDArray
    _: KW_ONLY
    codes: NDArray | None = None
    inputs: NDArray | None = None
    image_shape: tuple[int, int] | None = None
    feature_names: Sequence[str] | None = None
    r2_scores: ArrayLike | None = None

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        image_shape: tuple[int, int] | None = None,
        X_input: Any = None,
        n_images: int = 8,
        features: Sequence[int | str] | int | str | None = None,
        ax: Axes | None = None,
    ) -> ReconstructionDisplay:
        """Encode and decode rows and plot what comes back.

        Parameters
        ----------
        estimator : AutoencoderTransformer, PCA or Pipeline
            Fitted, with `transform` and `inverse_transform`.
        X : array-like of shape (n_samples, n_features)
            Rows to compare with, NaN where a value is not known.
        image_shape : tuple of two ints, default=None
            Height and width of the images that the rows are, row by row of pixels.
            None takes `X` for a table.
        X_input : array-like of shape (n_samples, n_features), default=None
            Rows to encode instead of `X`: noisy images, or a table with missing
            values, whose reconstruction is compared with `X`.
        n_images : int, default=8
            How many images to draw, the first of `X`. Ignored for a table.
        features : int, str or sequence of them, default=None
            Columns to draw, by number or name. None draws those with the largest
            variance, at most 12. Ignored for images.
        ax : matplotlib Axes, default=None
            Where to draw: its place in the figure is divided. None makes a new figure.

        Returns
        -------
        display : ReconstructionDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If `estimator` cannot encode and decode.
        ValueError
            If `image_shape` does not fit the columns of `X`, `X_input` not `X`, if a
            column of `features` does not exist, or if nothing would be drawn.
        """
        needed = "a fitted AutoencoderTransformer or PCA"
        check_has(estimator, ["transform", "inverse_transform"], needed)
        check_is_fitted(estimator)
        if X_input is not None and np.shape(X_input) != np.shape(X):
            raise ValueError(
                f"X_input has the shape {np.shape(X_input)}, but X has {np.shape(X)}; "
                "they must be the same rows."
            )
        rows = slice(None)
        if image_shape is not None:
            _check_images(image_shape, np.shape(X), n_images)
            rows = slice(n_images)
        encoded = X[rows] if X_input is None else X_input[rows]
        codes = estimator.transform(encoded)
        original = np.asarray(X[rows], dtype=float)
        reconstruction = np.asarray(estimator.inverse_transform(codes), dtype=float)
        if image_shape is None:
            numbered = [f"column {j}" for j in range(original.shape[1])]
            names = getattr(estimator, "feature_names_in_", numbered)
            chosen = _chosen_columns(features, list(names), original)
            original, reconstruction = original[:, chosen], reconstruction[:, chosen]
            parts: dict[str, Any] = {"r2_scores": _r2_scores(original, reconstruction)}
            parts["feature_names"] = [str(names[j]) for j in chosen]
        else:
            inputs = None if X_input is None else np.asarray(encoded, dtype=float)
            parts = {"codes": np.asarray(codes), "inputs": inputs}
        display = cls(original, reconstruction, image_shape=image_shape, **parts)
        return display.plot(ax=ax)

    def plot(self, ax: Axes | None = None) -> ReconstructionDisplay:
        """Draw the rows.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            As in :meth:`from_estimator`.

        Returns
        -------
        display : ReconstructionDisplay
            The display itself.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        if self.image_shape is None:
            self._plot_table(ax)
        else:
            self._plot_images(ax)
        return self

    def _plot_images(self, ax: Axes | None) -> None:
        """Draw a row of images, or of codes, for each thing there is to show."""
        height, width = self.image_shape  # type: ignore[misc]
        labels = ["original", "input", "code", "reconstruction"]
        shown: list[Any] = [self.original, self.inputs, self.codes, self.reconstruction]
        parts = [
            (label, rows)
            for label, rows in zip(labels, shown, strict=True)
            if rows is not None
        ]
        n_images = len(self.original)
        size = (1.4 + 0.8 * n_images, 0.3 + 0.85 * len(parts) * height / width)
        self.axes_ = _grid(ax, len(parts), n_images, size)
        self.figure_ = self.axes_[0, 0].figure
        # One grey scale for all, so that a pale reconstruction looks pale.
        limits = {"vmin": np.nanmin(self.original), "vmax": np.nanmax(self.original)}
        for (label, rows), axes in zip(parts, self.axes_, strict=True):
            if label == "code":
                label = _plot_bars(axes, rows, height / width)
            else:
                for axis, row in zip(axes, rows, strict=True):
                    axis.imshow(row.reshape(height, width), cmap="gray", **limits)
                    axis.set(xticks=[], yticks=[])
            axes[0].set_ylabel(label, rotation=0, ha="right", va="center")

    def _plot_table(self, ax: Axes | None) -> None:
        """Draw each column against its reconstruction."""
        n_samples, n_features = self.original.shape
        n_across = int(np.ceil(np.sqrt(n_features)))
        n_down = -(-n_features // n_across)
        size = (max(6.4, 2.1 * n_across), max(4.8, 2.1 * n_down))
        axes = _grid(ax, n_down, n_across, size).ravel()
        self.axes_, self.figure_ = axes[:n_features], axes[0].figure
        for axis in axes[n_features:]:
            axis.remove()
        n_points = min(n_samples, 2000)  # more of them hide each other
        rows = np.linspace(0, n_samples - 1, n_points).round().astype(np.intp)
        for j, axis in enumerate(self.axes_):
            self._plot_column(axis, j, rows)
            if j % n_across == 0:
                axis.set_ylabel("reconstruction", fontsize="small")
            if j + n_across >= n_features:
                axis.set_xlabel("original", fontsize="small")

    def _plot_column(self, axis: Axes, j: int, rows: NDArray) -> None:
        """Draw some rows of a column; on the line a reconstruction is perfect."""
        pair = np.array([self.original[rows, j], self.reconstruction[rows, j]])
        ends = [np.nanmin(pair), np.nanmax(pair)]
        axis.scatter(pair[0], pair[1], s=8, linewidths=0, alpha=0.5)
        axis.plot(ends, ends, color="black", linewidth=0.8)
        title = f"column {j}" if self.feature_names is None else self.feature_names[j]
        if self.r2_scores is not None:
            title += f"\nR2 = {np.asarray(self.r2_scores)[j]:.2f}"
        axis.set_title(title, fontsize="small")
        axis.tick_params(labelsize="x-small")


def _plot_bars(axes: NDArray, codes: NDArray, aspect: float) -> str:
    """Draw the codes of each image as bars on one scale, and return what that is."""
    limit = 1.05 * np.abs(codes).max() or 1.0
    for axis, code in zip(axes, codes, strict=True):
        axis.bar(np.arange(len(code)), code, width=0.8, color="0.3")
        axis.axhline(0, color="black", linewidth=0.6)
        axis.set(xticks=[], yticks=[], ylim=(-limit, limit))
        axis.set_box_aspect(aspect)
    return f"code\n(±{limit:.3g})"


def _check_images(image_shape: Any, shape: tuple[int, ...], n_images: int) -> None:
    """Refuse sizes of images that rows cannot have, and to draw none."""
    if np.shape(image_shape) != (2,):
        raise ValueError(f"image_shape={image_shape!r} must be a height and a width.")
    n_pixels = image_shape[0] * image_shape[1]
    if shape[1:] != (n_pixels,):
        raise ValueError(
            f"image_shape={image_shape!r} has {n_pixels} pixels, but X has the shape "
            f"{shape}; each row must be an image, as in X.reshape(-1, {n_pixels})."
        )
    if n_images < 1:
        raise ValueError(f"n_images={n_images!r} must be at least 1.")


def _chosen_columns(features: Any, names: list[str], original: NDArray) -> list[int]:
    """Return the numbers of the columns to draw."""
    if features is None:
        variances = np.ma.masked_invalid(original).var(axis=0).filled(-1.0)
        # As many panels as can be read in one figure.
        return sorted(np.argsort(-variances, kind="stable")[:12])
    given = [features] if isinstance(features, str | Integral) else list(features)
    if not given:
        raise ValueError(f"features={features!r} names no column; None chooses some.")
    numbers: dict[Any, int] = {j: j for j in range(len(names))}
    numbers |= {name: j for j, name in enumerate(names)}
    for feature in given:
        if isinstance(feature, bool | np.bool_) or feature not in numbers:
            raise ValueError(
                f"features has {feature!r}, which is neither the name of a column nor "
                f"a number from 0 to {len(names) - 1}."
            )
    return [numbers[feature] for feature in given]


def _r2_scores(original: NDArray, reconstruction: NDArray) -> NDArray:
    """Return R2 of each column over the values that are known, NaN if there are none.

    A constant column has 1 where it is met and 0 where it is not, as in scikit-learn.
    """
    known = np.ma.masked_invalid(original)
    error = ((known - reconstruction) ** 2).sum(axis=0)
    total = ((known - known.mean(axis=0)) ** 2).sum(axis=0)
    scores = np.ma.where(total > 0, 1.0 - error / total, 1.0 * (error == 0))
    return scores.filled(np.nan)


def _grid(
    ax: Axes | None, n_down: int, n_across: int, size: tuple[float, float]
) -> NDArray:
    """Return axes in a new figure, or in the place that `ax` has in its own."""
    import matplotlib.pyplot as plt

    if ax is None:
        figure = plt.figure(figsize=size, layout="compressed")
        return figure.subplots(n_down, n_across, squeeze=False)
    place = ax.get_subplotspec()
    if place is None:
        raise ValueError(
            "ax must be one of a figure's subplots, as its place is divided; make it "
            "with plt.subplots."
        )
    ax.set_axis_off()
    return np.asarray(place.subgridspec(n_down, n_across).subplots(squeeze=False))
