"""Display of codes: rows as points in the plane of two of them."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._optional_dependencies import check_matplotlib_support

from sklearn_ae._display.arguments import given_or_new, last_step_with

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# At most so many distinct numbers are drawn as classes, more on a colour scale.
MAX_GRADED = 4  # classes that lightness alone can tell apart
MAX_NAMED = 60  # as many pairs of the ten colours and twelve markers
MARKERS = "osD^vPX*<>pd"


@dataclass(eq=False, repr=False)
class CodesDisplay:
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
        TypeError
            If `estimator` has no codes, or not what each of them explains.
        ValueError
            If `components` is not a pair of codes that the estimator has, or if `y` has
            another length than `X` or more than 60 classes.
        """
        needed = "a fitted AutoencoderTransformer or PCA"
        names = ["transform", "explained_variance_ratio_"]
        ratio = last_step_with(estimator, names, needed).explained_variance_ratio_
        codes = np.asarray(estimator.transform(X))
        chosen = _checked_components(components, codes.shape[1])
        if y is not None and np.shape(y) != (len(codes),):
            raise ValueError(
                f"y has the shape {np.shape(y)}, but X has {len(codes)} rows; y needs "
                "one value for each row."
            )
        display = cls(
            codes[:, chosen],
            y=None if y is None else np.asarray(y),
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
        ax, scatter_kw : Axes, dict
            As in :meth:`from_estimator`.

        Returns
        -------
        display : CodesDisplay
            The display itself.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        groups = _groups(self.y)  # before a figure is made, as it may refuse y
        self.ax_, self.figure_ = given_or_new(ax, self)
        self.scatter_ = []
        self.colorbar_ = None
        for rows, look in groups:
            look = {"s": 20, "linewidths": 0.5, "alpha": 0.8} | look
            look |= scatter_kw or {}
            codes = np.asarray(self.codes)[rows, :2]
            self.scatter_.append(self.ax_.scatter(*codes.T, **look))
        if "c" in groups[0][1]:
            self.colorbar_ = self.figure_.colorbar(self.scatter_[0], ax=self.ax_)
            self.colorbar_.set_label("y")
        elif self.y is not None:
            self._add_legend(beside=ax is None and len(groups) > MAX_GRADED)
        self.ax_.set(xlabel=self._axis_label(0), ylabel=self._axis_label(1))
        return self

    def _add_legend(self, beside: bool) -> None:
        """Name the classes, over the points or beside them."""
        look: dict[str, Any] = {"markerscale": 1.5}
        look["ncols"] = int(np.ceil(len(self.scatter_) / 20))
        if beside:
            self.figure_.set_layout_engine("constrained")
            look |= {"bbox_to_anchor": (1, 1), "loc": "upper left"}
        self.ax_.legend(**look)

    def _axis_label(self, axis: int) -> str:
        """Name a code as one names a principal component, counted from 1."""
        label = f"code {self.components[axis] + 1}"
        if self.explained_variance_ratio is None:
            return label
        percent = 100 * np.asarray(self.explained_variance_ratio)[axis]
        return f"{label} ({percent:.0f} % of variance)"


def _checked_components(components: Any, n_components: int) -> list[int]:
    """Return the pair of codes as a list, if it is one."""
    chosen = np.ravel(components).tolist()
    if len(chosen) != 2 or not set(chosen) <= set(range(n_components)):
        raise ValueError(
            f"components={components!r} must be two codes, counted from 0, of the "
            f"{n_components} that the estimator has. Choose others, or fit it with "
            "more n_components."
        )
    return [int(code) for code in chosen]


def _plain(y: ArrayLike) -> NDArray:
    """Return values as numbers or else as text, which missing ones become too."""
    values = np.asarray(y)
    if values.dtype.kind == "O":
        values = np.array(values.tolist())
    return values.astype(str) if values.dtype.kind == "O" else values


def _groups(y: ArrayLike | None) -> list[tuple[Any, dict[str, Any]]]:
    """Return which rows are drawn alike, and how: classes, or all on one scale."""
    import matplotlib.pyplot as plt

    if y is None:
        return [(slice(None), {})]
    y = _plain(y)
    names, numbers = np.unique(y, return_inverse=True)
    if y.dtype.kind in "iuf" and len(names) > 12:
        scale = plt.get_cmap().with_extremes(bad="lightgrey")
        return [(slice(None), {"c": y, "cmap": scale, "plotnonfinite": True})]
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
