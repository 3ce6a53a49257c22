"""Display of reconstructions: images or columns beside what the codes give back."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from sklearn.metrics import r2_score
from sklearn.utils import check_consistent_length
from sklearn.utils._optional_dependencies import check_matplotlib_support


@dataclass(eq=False, repr=False)
class ReconstructionDisplay:
    """Rows beside what is decoded from their codes.

    Images have their codes and reconstructions below them; of tables, each column is
    drawn against its reconstruction. Use :meth:`from_estimator` to create it.
    Parameters are stored as attributes.

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
        ax: Any = None,
    ) -> Self:
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
        ValueError
            If `image_shape` does not fit the columns of `X`, `X_input` not `X`, or if
            a column of `features` does not exist.
        """
        check_consistent_length(X, X_input)
        rows = slice(None if image_shape is None else n_images)
        encoded = X[rows] if X_input is None else X_input[rows]
        codes = estimator.transform(encoded)
        original = _dense(X[rows])
        reconstruction = np.asarray(estimator.inverse_transform(codes), dtype=float)
        parts: dict[str, Any] = {}
        if image_shape is not None:
            parts["codes"] = np.asarray(codes)
            parts["inputs"] = None if X_input is None else _dense(encoded)
        else:
            numbered = [f"column {j}" for j in range(original.shape[1])]
            names = list(getattr(estimator, "feature_names_in_", numbered))
            chosen = _chosen_columns(features, names, original)
            original, reconstruction = original[:, chosen], reconstruction[:, chosen]
            parts["r2_scores"] = _r2_scores(original, reconstruction)
            parts["feature_names"] = [str(names[j]) for j in chosen]
        display = cls(original, reconstruction, image_shape=image_shape, **parts)
        return display.plot(ax=ax)

    def plot(self, ax: Any = None) -> Self:
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
            self._plot_images(ax, *self.image_shape)
        self.figure_ = self.axes_.flat[0].figure
        return self

    def _plot_images(self, ax: Any, height: int, width: int) -> None:
        """Draw a row of images, or of codes, for each thing there is to show."""
        labels = ["original", "input", "code", "reconstruction"]
        shown = [self.original, self.inputs, self.codes, self.reconstruction]
        parts = [(a, b) for a, b in zip(labels, shown, strict=True) if b is not None]
        n_images, aspect = len(self.original), height / width
        size = (1.4 + 0.8 * n_images, 0.3 + 0.85 * len(parts) * aspect)
        self.axes_ = _grid(ax, len(parts), n_images, size)
        # One grey scale for all, so that a pale reconstruction looks pale.
        limits = {"vmin": np.nanmin(self.original), "vmax": np.nanmax(self.original)}
        for (label, rows), axes in zip(parts, self.axes_, strict=True):
            largest = 1.05 * np.abs(rows).max() or 1.0  # of the codes
            for axis, row in zip(axes, rows, strict=True):
                if label == "code":
                    axis.bar(np.arange(len(row)), row, width=0.8, color="0.3")
                    axis.axhline(0, color="black", linewidth=0.6)
                    axis.set(ylim=(-largest, largest), box_aspect=aspect)
                else:
                    axis.imshow(row.reshape(height, width), cmap="gray", **limits)
                axis.set(xticks=[], yticks=[])
            text = f"code\n(±{largest:.3g})" if label == "code" else label
            axes[0].set_ylabel(text, rotation=0, ha="right", va="center")

    def _plot_table(self, ax: Any) -> None:
        """Draw each column against its reconstruction."""
        n_samples, n_features = self.original.shape
        n_across = int(np.ceil(np.sqrt(n_features)))
        n_down = -(-n_features // n_across)
        size = (max(6.4, 2.1 * n_across), max(4.8, 2.1 * n_down))
        axes = _grid(ax, n_down, n_across, size).ravel()
        self.axes_ = axes[:n_features]
        for axis in axes[n_features:]:
            axis.remove()
        n_points = min(n_samples, 2000)  # more of them hide each other
        rows = np.linspace(0, n_samples - 1, n_points).round().astype(np.intp)
        for j, axis in enumerate(self.axes_):
            pair = np.array([self.original[rows, j], self.reconstruction[rows, j]])
            axis.scatter(*pair, s=8, linewidths=0, alpha=0.5)
            ends = [np.nanmin(pair), np.nanmax(pair)]  # of perfect reconstructions
            axis.plot(ends, ends, color="black", linewidth=0.8)
            names = self.feature_names
            title = f"column {j}" if names is None else names[j]
            if self.r2_scores is not None:
                title += f"\nR2 = {np.asarray(self.r2_scores)[j]:.2f}"
            axis.set_title(title, fontsize="small")
            axis.tick_params(labelsize="x-small")
            if j % n_across == 0:
                axis.set_ylabel("reconstruction", fontsize="small")
            if j + n_across >= n_features:
                axis.set_xlabel("original", fontsize="small")


def _chosen_columns(features: Any, names: list[str], original: NDArray) -> list[int]:
    """Return the numbers of the columns to draw, at most 12 if none are given."""
    if features is None:
        variances = np.ma.masked_invalid(original).var(axis=0).filled(-1.0)
        return sorted(np.argsort(-variances, kind="stable")[:12])
    given = np.ravel(np.array(features, dtype=object))
    numbers = [names.index(j) if isinstance(j, str) else j for j in given]
    return np.arange(len(names))[np.array(numbers)].tolist()


def _r2_scores(original: NDArray, reconstruction: NDArray) -> list[float]:
    """Return R2 of each column over the values that are known, NaN without two."""
    known = np.isfinite(original)
    return [
        r2_score(x[rows], y[rows]) if rows.sum() > 1 else np.nan
        for x, y, rows in zip(original.T, reconstruction.T, known.T, strict=True)
    ]


def _grid(ax: Any, n_down: int, n_across: int, size: tuple[float, float]) -> NDArray:
    """Return axes in a new figure, or in the place that `ax` has in its own."""
    if ax is not None:
        ax.set_axis_off()
        place = ax.get_subplotspec().subgridspec(n_down, n_across)
        return np.asarray(place.subplots(squeeze=False))
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=size, layout="compressed")
    return figure.subplots(n_down, n_across, squeeze=False)


def _dense(rows: Any) -> NDArray[np.float64]:
    return np.asarray(rows.toarray() if issparse(rows) else rows, dtype=np.float64)
