"""Display of codes: rows as points in the plane of two of them."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._optional_dependencies import check_matplotlib_support
from sklearn.utils.validation import check_is_fitted

from sklearn_ae._display.curves import last_step, new_or_given

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection

# At most so many distinct numbers are drawn as classes, more on a colour scale.
MAX_CLASSES = 12
MAX_GRADED = 4  # classes that lightness alone can tell apart
MARKERS = "osD^vPX*<>pd"


class CodesDisplay:
    """Two codes of each row, one against the other.

    It is recommended to use :meth:`from_estimator` to create a display. All parameters
    are stored as attributes.

    Parameters
    ----------
    codes : ndarray of shape (n_samples, 2)
        The two codes.

    y : array-like of shape (n_samples,), default=None
        What to colour by; None draws all rows alike. Text, booleans and at most 12
        distinct numbers are classes, each with a colour and a marker of its own; other
        numbers have a colour bar.

    components : tuple of two ints, default=(0, 1)
        Which codes they are, counted from 0, for the labels of the axes.

    explained_variance_ratio : array-like of shape (2,), default=None
        Share of the variance that each of the two explains, for the labels; None
        leaves it out.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the points.

    figure_ : matplotlib Figure
        Figure that the axes are in.

    scatter_ : list of matplotlib PathCollection
        The points, one collection for each class, or one for all rows.

    colorbar_ : matplotlib Colorbar or None
        The colour bar, where `y` is drawn on a scale.

    See Also
    --------
    ReconstructionDisplay : The rows beside what is decoded from their codes.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_ae import AutoencoderTransformer, CodesDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> autoencoder = AutoencoderTransformer(max_iter=5, random_state=0).fit(X)
    >>> display = CodesDisplay.from_estimator(autoencoder, X, y)
    >>> display.codes.shape
    (150, 2)
    """

    def __init__(
        self,
        codes: NDArray,
        *,
        y: ArrayLike | None = None,
        components: tuple[int, int] = (0, 1),
        explained_variance_ratio: ArrayLike | None = None,
    ) -> None:
        self.codes = codes
        self.y = y
        self.components = components
        self.explained_variance_ratio = explained_variance_ratio

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: ArrayLike,
        y: ArrayLike | None = None,
        *,
        components: tuple[int, int] = (0, 1),
        ax: Axes | None = None,
        scatter_kw: dict[str, Any] | None = None,
    ) -> CodesDisplay:
        """Encode rows and plot two of their codes.

        Parameters
        ----------
        estimator : AutoencoderTransformer, PCA or Pipeline
            Fitted; a pipeline ends in one of the others.
        X : array-like of shape (n_samples, n_features)
            Rows to encode.
        y : array-like of shape (n_samples,), default=None
            What to colour by; None draws all rows alike. Text, booleans and at most 12
            distinct numbers are classes, others have a colour bar.
        components : tuple of two ints, default=(0, 1)
            Which codes to plot, counted from 0: on the x-axis and on the y-axis.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        scatter_kw : dict, default=None
            Keyword arguments for `matplotlib.axes.Axes.scatter`.

        Returns
        -------
        display : CodesDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If `components` is not a pair of codes that the estimator has, or if `y` has
            another length than `X`.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        check_is_fitted(estimator)
        codes = np.asarray(estimator.transform(X))
        chosen = _checked_components(components, codes.shape[1])
        if y is not None:
            y = np.asarray(y)
            if y.shape != (len(codes),):
                raise ValueError(
                    f"y has the shape {y.shape}, but X has {len(codes)} rows; y needs "
                    "one value for each row."
                )
        ratio = last_step(estimator).explained_variance_ratio_
        display = cls(
            codes[:, chosen],
            y=y,
            components=components,
            explained_variance_ratio=np.asarray(ratio)[chosen],
        )
        return display.plot(ax=ax, scatter_kw=scatter_kw)

    def plot(
        self, ax: Axes | None = None, *, scatter_kw: dict[str, Any] | None = None
    ) -> CodesDisplay:
        """Draw the codes.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        scatter_kw : dict, default=None
            Keyword arguments for `matplotlib.axes.Axes.scatter`.

        Returns
        -------
        display : CodesDisplay
            The display itself.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        look = {"s": 20, "linewidths": 0.5, "alpha": 0.8, **(scatter_kw or {})}
        self.ax_ = new_or_given(ax)
        self.figure_ = self.ax_.figure
        self.colorbar_ = None
        y = None if self.y is None else np.asarray(self.y)
        if y is None:
            self.scatter_ = [self._scatter(self.codes, look)]
        elif _is_categorical(y):
            self._plot_classes(y, look)
            self._add_legend(beside=ax is None)
        else:
            self.scatter_ = [self._scatter(self.codes, {"c": y, **look})]
            self.colorbar_ = self.figure_.colorbar(
                self.scatter_[0], ax=self.ax_, label="y"
            )
        self.ax_.set(xlabel=self._axis_label(0), ylabel=self._axis_label(1))
        return self

    def _plot_classes(self, y: NDArray, look: dict[str, Any]) -> None:
        """Add the points of each class in a colour and a marker of its own."""
        classes = np.unique(y)
        colors = _class_colors(len(classes))
        self.scatter_ = []
        for number, name in enumerate(classes):
            own = {
                "marker": MARKERS[number % len(MARKERS)],
                "color": colors[number],
                "label": str(name),
                **look,
            }
            self.scatter_.append(self._scatter(self.codes[y == name], own))

    def _add_legend(self, beside: bool) -> None:
        """Name the classes; many of them beside the points, in a figure of our own."""
        if beside and len(self.scatter_) > MAX_GRADED:
            figure: Any = self.figure_
            figure.set_layout_engine("constrained")
            self.ax_.legend(markerscale=1.5, bbox_to_anchor=(1, 1), loc="upper left")
        else:
            self.ax_.legend(markerscale=1.5)

    def _scatter(self, codes: NDArray, look: dict[str, Any]) -> PathCollection:
        """Add points."""
        return self.ax_.scatter(codes[:, 0], codes[:, 1], **look)

    def _axis_label(self, axis: int) -> str:
        """Name a code as one names a principal component, counted from 1."""
        label = f"code {self.components[axis] + 1}"
        if self.explained_variance_ratio is None:
            return label
        percent = 100 * np.asarray(self.explained_variance_ratio)[axis]
        return f"{label} ({percent:.0f} % of variance)"


def _checked_components(components: Any, n_components: int) -> list[int]:
    """Return the pair of codes as a list, if it is one."""
    chosen: list[Any] = list(np.ravel(components))
    if len(chosen) == 2 and all(
        isinstance(code, Integral) and 0 <= int(code) < n_components for code in chosen
    ):
        return chosen
    raise ValueError(
        f"components={components!r} must be two codes, counted from 0, of the "
        f"{n_components} that the estimator has."
    )


def _is_categorical(y: NDArray) -> bool:
    """Whether values are better told apart by a legend than by a colour bar."""
    return y.dtype.kind not in "iuf" or len(np.unique(y)) <= MAX_CLASSES


def _class_colors(n_classes: int) -> list[Any]:
    """Return a colour for each class, of different lightness where they are few."""
    import matplotlib

    if n_classes <= MAX_GRADED:
        return list(matplotlib.colormaps["viridis"](np.linspace(0, 0.85, n_classes)))
    return [f"C{number}" for number in range(n_classes)]
