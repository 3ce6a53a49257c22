"""What displays do alike with the estimator and the axes that they are given."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import shorten
from typing import TYPE_CHECKING, Any

from sklearn.pipeline import Pipeline
from sklearn.utils._optional_dependencies import check_matplotlib_support
from sklearn.utils.validation import check_is_fitted

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def check_has(estimator: Any, names: Sequence[str], needed: str) -> None:
    """Refuse an estimator without attributes that a display reads."""
    missing = [repr(name) for name in names if not hasattr(estimator, name)]
    if missing:
        raise TypeError(
            f"estimator must be {needed}, or a Pipeline that ends in one, but "
            f"{shorten(repr(estimator), 100)} lacks {', '.join(missing)}."
        )


def last_step_with(estimator: Any, names: Sequence[str], needed: str) -> Any:
    """Return the last step of a pipeline, or the estimator, if it has what is read.

    Names that end in an underscore are of a fitted estimator, which is then needed.
    """
    step = estimator[-1] if isinstance(estimator, Pipeline) else estimator
    learned = [name for name in names if name.endswith("_")]
    check_has(step, [name for name in names if name not in learned], needed)
    if learned:
        check_is_fitted(step)
        check_has(step, learned, needed)
    return step


def given_or_new(ax: Axes | None, display: Any) -> tuple[Axes, Any]:
    """Return `ax`, or the axes of a new figure, and their figure."""
    check_matplotlib_support(f"{type(display).__name__}.plot")
    import matplotlib.pyplot as plt

    ax = plt.subplots()[1] if ax is None else ax
    return ax, ax.figure
