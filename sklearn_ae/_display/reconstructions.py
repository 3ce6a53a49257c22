"""Display of reconstructions: images or columns beside what the codes give back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._optional_dependencies import check_matplotlib_support
from sklearn.utils.validation import check_is_fitted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_COLUMNS = 12  # as many panels as can be read in one figure
MAX_POINTS = 2000  # more of them in a panel hide each other


class ReconstructionDisplay:
    """Rows beside what is decoded from their codes.

    Images are drawn with their codes and reconstructions below them; of tables, each
    column is drawn against its reconstruction.

    It is recommended to use :meth:`from_estimator` to create a display. All parameters
    are stored as attributes.

    Parameters
    ----------
    original : ndarray of shape (n_samples, n_shown_features)
        The values to compare with.

    reconstruction : ndarray of shape (n_samples, n_shown_features)
        What the estimator has made of them.

    codes : ndarray of shape (n_samples, n_components), default=None
        Codes of the rows; drawn with images. None leaves them out.

    inputs : ndarray of shape (n_samples, n_shown_features), default=None
        What was encoded, where it was not `original`; drawn with images.

    image_shape : tuple of two ints, default=None
        Height and width of the images that the rows are; None for a table.

    feature_names : sequence of str of length n_shown_features, default=None
        Names of the columns; None numbers them. Not used for images.

    r2_scores : array-like of shape (n_shown_features,), default=None
        R2 of each column's reconstruction; None leaves it out. Not used for images.

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

    def __init__(
        self,
        original: NDArray,
        reconstruction: NDArray,
        *,
        codes: NDArray | None = None,
        inputs: NDArray | None = None,
        image_shape: tuple[int, int] | None = None,
        feature_names: Sequence[str] | None = None,
        r2_scores: ArrayLike | None = None,
    ) -> None:
        self.original = original
        self.reconstruction = reconstruction
        self.codes = codes
        self.inputs = inputs
        self.image_shape = image_shape
        self.feature_names = feature_names
        self.r2_scores = r2_scores

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        image_shape: tuple[int, int] | None = None,
        X_input: Any = None,
        n_images: int = 8,
        features: Sequence[int | str] | None = None,
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
        features : sequence of int or str, default=None
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
        ValueError
            If `image_shape` does not fit the columns of `X`, `X_input` not `X`, or if a
            column of `features` does not exist.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        check_is_fitted(estimator)
        if X_input is not None and np.shape(X_input) != np.shape(X):
            raise ValueError(
                f"X_input has the shape {np.shape(X_input)}, but X has {np.shape(X)}; "
                "they must be the same rows."
            )
        encoded = X if X_input is None else X_input
        if image_shape is None:
            display = cls._of_table(estimator, X, encoded, features)
        else:
            _check_image_shape(image_shape, np.shape(X)[1])
            X, encoded = X[:n_images], encoded[:n_images]
            codes = estimator.transform(encoded)
            display = cls(
                np.asarray(X, dtype=float),
                np.asarray(estimator.inverse_transform(codes), dtype=float),
                codes=np.asarray(codes),
                inputs=None if X_input is None else np.asarray(encoded, dtype=float),
                image_shape=image_shape,
            )
        return display.plot(ax=ax)

    @classmethod
    def _of_table(
        cls, estimator: Any, X: Any, encoded: Any, features: Sequence[int | str] | None
    ) -> ReconstructionDisplay:
        """Reconstruct a table and keep the columns to draw."""
        original = np.asarray(X, dtype=float)
        codes = estimator.transform(encoded)
        reconstruction = np.asarray(estimator.inverse_transform(codes), dtype=float)
        names = getattr(estimator, "feature_names_in_", None)
        if names is None:
            names = np.array([f"column {j}" for j in range(original.shape[1])])
        if features is None:
            largest = np.argsort(-np.nanvar(original, axis=0), kind="stable")
            chosen = sorted(largest[:MAX_COLUMNS])
        else:
            given = [features] if isinstance(features, str) else features
            chosen = [_column(feature, list(names)) for feature in given]
        original, reconstruction = original[:, chosen], reconstruction[:, chosen]
        return cls(
            original,
            reconstruction,
            feature_names=[str(name) for name in names[chosen]],
            r2_scores=_r2_scores(original, reconstruction),
        )

    def plot(self, ax: Axes | None = None) -> ReconstructionDisplay:
        """Draw the rows.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw: its place in the figure is divided. None makes a new figure.

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
        shown: list[Any] = [self.original, self.inputs, self.codes, self.reconstruction]
        labels = ["original", "input", "code", "reconstruction"]
        parts = [
            pair for pair in zip(labels, shown, strict=True) if pair[1] is not None
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
        self.axes_ = axes[:n_features]
        self.figure_ = axes[0].figure
        for axis in axes[n_features:]:
            axis.remove()
        n_points = min(n_samples, MAX_POINTS)
        rows = np.linspace(0, n_samples - 1, n_points).round().astype(np.intp)
        for j, (axis, title) in enumerate(zip(self.axes_, self._titles(), strict=True)):
            pair = np.array([self.original[rows, j], self.reconstruction[rows, j]])
            axis.scatter(*pair, s=8, linewidths=0, alpha=0.5)
            # On this line the reconstruction is perfect.
            ends = [np.nanmin(pair), np.nanmax(pair)]
            axis.plot(ends, ends, color="black", linewidth=0.8)
            axis.set_title(title, fontsize="small")
            axis.tick_params(labelsize="x-small")
            if j % n_across == 0:
                axis.set_ylabel("reconstruction", fontsize="small")
            if j + n_across >= n_features:
                axis.set_xlabel("original", fontsize="small")

    def _titles(self) -> Iterator[str]:
        """Name each column and how well it is reconstructed."""
        for j in range(self.original.shape[1]):
            names = self.feature_names
            title = f"column {j}" if names is None else names[j]
            if self.r2_scores is not None:
                title += f"\nR2 = {np.asarray(self.r2_scores)[j]:.2f}"
            yield title


def _plot_bars(axes: NDArray, codes: NDArray, aspect: float) -> str:
    """Draw the codes of each image as bars on one scale, and return what that is."""
    limit = 1.05 * np.abs(codes).max() or 1.0
    for axis, code in zip(axes, codes, strict=True):
        axis.bar(np.arange(len(code)), code, width=0.8, color="0.3")
        axis.axhline(0, color="black", linewidth=0.6)
        axis.set(xticks=[], yticks=[], ylim=(-limit, limit))
        axis.set_box_aspect(aspect)
    return f"code\n(±{limit:.3g})"


def _check_image_shape(image_shape: Any, n_features: int) -> None:
    """Refuse sizes of images that rows cannot have."""
    if np.shape(image_shape) != (2,):
        raise ValueError(f"image_shape={image_shape!r} must be a height and a width.")
    if image_shape[0] * image_shape[1] != n_features:
        raise ValueError(
            f"image_shape={image_shape!r} has {image_shape[0] * image_shape[1]} "
            f"pixels, but X has {n_features} columns; they must be the same."
        )


def _column(feature: int | str, names: list[str]) -> int:
    """Return the number of a column that was given by number or by name."""
    if feature in names:
        return names.index(str(feature))
    if not isinstance(feature, str) and 0 <= feature < len(names):
        return int(feature)
    raise ValueError(
        f"features has {feature!r}, which is neither the name of a column nor a number "
        f"from 0 to {len(names) - 1}."
    )


def _r2_scores(original: NDArray, reconstruction: NDArray) -> NDArray:
    """Return R2 of each column over the values that are known.

    A constant column has 1 where it is met and 0 where it is not, as in scikit-learn.
    """
    error = np.nansum((original - reconstruction) ** 2, axis=0)
    total = np.nansum((original - np.nanmean(original, axis=0)) ** 2, axis=0)
    constant = np.where(error == 0, 1.0, 0.0)
    return np.where(total > 0, 1.0 - error / np.where(total > 0, total, 1.0), constant)


def _grid(
    ax: Axes | None, n_down: int, n_across: int, size: tuple[float, float]
) -> NDArray:
    """Return axes in a new figure, or in the place that `ax` has in its own."""
    import matplotlib.pyplot as plt

    if ax is None:
        figure = plt.figure(figsize=size, layout="constrained")
        return figure.subplots(n_down, n_across, squeeze=False)
    place = ax.get_subplotspec()
    if place is None:
        raise ValueError(
            "ax must be one of a figure's subplots, as its place is divided; make it "
            "with plt.subplots."
        )
    ax.set_axis_off()
    inner = place.subgridspec(n_down, n_across)
    axes: NDArray = inner.subplots(squeeze=False)
    return axes
