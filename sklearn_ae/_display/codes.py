"""Display of codes: rows as points in the plane of two of them."""

from dataclasses import KW_ONLY, dataclass
from itertools import cycle
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.pipeline import Pipeline
from sklearn.utils import check_consistent_length, column_or_1d

from sklearn_ae._display.arguments import Display

MAX_GRADED = 4  # classes that lightness alone can tell apart
MAX_NAMED = 60  # as many pairs of the ten colours and twelve markers
MARKERS = "osD^vPX*<>pd"


@dataclass(eq=False, repr=False)
class CodesDisplay(Display):
    """Two codes of each row, one against the other.

    Use :meth:`from_estimator` to create it. Parameters are stored as attributes.

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
        omits it.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
        Where the points are.
    scatter_ : list of matplotlib PathCollection
        The points, one collection for each class, or one for all rows.
    colorbar_ : matplotlib Colorbar or None
        The colour bar, where `y` is drawn on a scale.

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

    codes: NDArray
    _: KW_ONLY
    y: ArrayLike | None = None
    components: tuple[int, int] = (0, 1)
    explained_variance_ratio: ArrayLike | None = None

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: ArrayLike,
        y: ArrayLike | None = None,
        *,
        components: tuple[int, int] = (0, 1),
        ax: Any = None,
        scatter_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Encode rows and plot two of their codes.

        Parameters
        ----------
        estimator : AutoencoderTransformer, PCA or Pipeline
            Fitted. The axes say what the codes explain where the estimator, or the last
            step of the pipeline, has `explained_variance_ratio_`.
        X : array-like of shape (n_samples, n_features)
            Rows to encode.
        y : array-like of shape (n_samples,), default=None
            What to colour by, as described above.
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
            If `y` has another length than `X` or more than 60 classes.
        """
        codes = np.asarray(estimator.transform(X))
        check_consistent_length(codes, y)
        last = estimator[-1] if isinstance(estimator, Pipeline) else estimator
        ratio = getattr(last, "explained_variance_ratio_", None)
        chosen = np.arange(codes.shape[1])[list(components)].tolist()
        display = cls(
            codes[:, chosen],
            y=y,
            components=tuple(chosen),
            explained_variance_ratio=None if ratio is None else ratio[chosen],
        )
        return display.plot(ax=ax, scatter_kw=scatter_kw)

    def plot(self, ax: Any = None, *, scatter_kw: dict[str, Any] | None = None) -> Self:
        """Draw the codes.

        Parameters
        ----------
        ax, scatter_kw : Axes, dict
            As in :meth:`from_estimator`.

        Returns
        -------
        display : CodesDisplay
            The display itself.
        """
        self._take_axes(ax)
        codes, groups = np.asarray(self.codes), _groups(self.y)
        self.colorbar_ = None
        look = {"s": 20, "linewidths": 0.5, "alpha": 0.8}
        self.scatter_ = [
            self.ax_.scatter(*codes[rows].T, **look | own | (scatter_kw or {}))
            for rows, own in groups
        ]
        if "c" in groups[0][1]:
            self.colorbar_ = self.figure_.colorbar(self.scatter_[0], ax=self.ax_)
            self.colorbar_.set_label("y")
        elif self.y is not None:
            place: dict[str, Any] = {}
            if ax is None and len(groups) > MAX_GRADED:  # beside the points
                self.figure_.set_layout_engine("constrained")
                place = {"bbox_to_anchor": (1, 1), "loc": "upper left"}
            n_columns = int(np.ceil(len(groups) / 20))
            self.ax_.legend(markerscale=1.5, ncols=n_columns, **place)
        self.ax_.set(xlabel=self._axis_label(0), ylabel=self._axis_label(1))
        return self

    def _axis_label(self, axis: int) -> str:
        """Name a code as one names a principal component, counted from 1."""
        label = f"code {self.components[axis] + 1}"
        if self.explained_variance_ratio is None:
            return label
        percent = 100 * np.asarray(self.explained_variance_ratio)[axis]
        return f"{label} ({percent:.0f} % of variance)"


def _groups(y: ArrayLike | None) -> list[tuple[Any, dict[str, Any]]]:
    """Return which rows are drawn alike, and how: classes, or all on one scale."""
    import matplotlib.pyplot as plt

    if y is None:
        return [(slice(None), {})]
    values = column_or_1d(y)
    if values.dtype.kind == "O":  # numbers, or else text, which missing ones become too
        values = np.array(values.tolist())
        values = values.astype(str) if values.dtype.kind == "O" else values
    names, numbers = np.unique(values, return_inverse=True)
    if values.dtype.kind in "iuf" and len(names) > 12:
        scale = plt.get_cmap().with_extremes(bad="lightgrey")
        return [(slice(None), {"c": values, "cmap": scale, "plotnonfinite": True})]
    if len(names) > MAX_NAMED:
        raise ValueError(
            f"y has {len(names)} classes, but at most {MAX_NAMED} can be told apart. "
            "Merge some, give numbers for a colour bar, or set y=None."
        )
    colors: Any = [f"C{number}" for number in range(len(names))]
    if len(names) <= MAX_GRADED:
        colors = plt.get_cmap("viridis")(np.linspace(0, 0.85, len(names)))
    looks = zip(names, colors, cycle(MARKERS), strict=False)
    return [
        (numbers == number, {"label": str(name), "color": color, "marker": marker})
        for number, (name, color, marker) in enumerate(looks)
    ]
