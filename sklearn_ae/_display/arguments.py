"""What displays do alike with the estimator and the axes that they are given."""

from collections.abc import Iterable
from typing import Any

from sklearn.pipeline import Pipeline
from sklearn.utils._optional_dependencies import check_matplotlib_support
from sklearn.utils.validation import check_is_fitted


def last_step_with(estimator: Any, *names: str) -> Any:
    """Return the last step of a pipeline, or the estimator, if it has these names."""
    step = estimator[-1] if isinstance(estimator, Pipeline) else estimator
    missing = [name for name in names if not hasattr(step, name)]
    if missing and all(name.endswith("_") for name in missing):
        check_is_fitted(step)
    if missing:
        raise TypeError(
            "estimator must be an AutoencoderTransformer, or a Pipeline that ends in "
            f"one, but {step!r:.100} lacks {', '.join(missing)}."
        )
    return step


class Display:
    """A figure's axes, and curves in them."""

    ax_: Any
    figure_: Any
    lines_: list[Any]

    def _take_axes(self, ax: Any) -> None:
        """Keep the axes, or those of a new figure, and their figure."""
        check_matplotlib_support(f"{type(self).__name__}.plot")
        import matplotlib.pyplot as plt

        self.ax_ = plt.subplots()[1] if ax is None else ax
        self.figure_ = self.ax_.figure

    def _draw_curves(self, curves: Iterable[tuple], line_kw: dict | None) -> None:
        """Draw curves over counts, given as label, counts, values and style."""
        from matplotlib.ticker import MaxNLocator

        self.lines_ = []
        for label, counts, values, style in curves:
            (line,) = self.ax_.plot(counts, values, style, label=label)
            line.set(**(line_kw or {}))
            self.lines_.append(line)
        self.ax_.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
