"""A fit that goes on with the rows of a stream: what is kept of them, and the step."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sklearn_ae._data import ENOUGH_ROWS, Source, Summary, summary_of
from sklearn_ae._fit.finish import finish
from sklearn_ae._fit.problem import Problem
from sklearn_ae._fit.result import Fit
from sklearn_ae._fit.samples import Data
from sklearn_ae._fit.train import carry_over
from sklearn_ae._model import Architecture, training_mode
from sklearn_ae._training import Rows, TrainingOptions

# A stream is fitted anew when it has grown so much since it was (scale benchmark,
# stream).
GROWTH = 1.25
# Fewer rows do not tell whether what was learned holds for others.
FEWEST_HELD_OUT = 50


@dataclass(frozen=True)
class Stream:
    """What is kept of the rows of a stream.

    Parameters
    ----------
    summary : Summary
        Moments of all rows, and 10,000 of them, drawn at random.
    seed : int
        Of the draw.
    n_trained : int
        Rows that had come at the last whole fit.
    """

    summary: Summary
    seed: int
    n_trained: int = 0

    @classmethod
    def of_first(cls, X: NDArray | Source, weight: NDArray, seed: int) -> Stream:
        """Begin with some rows."""
        return cls(summary_of(X, weight, seed, most=ENOUGH_ROWS), seed)

    def with_more(self, X: NDArray | Source, weight: NDArray) -> Stream:
        """Go on with further rows."""
        before, most = self.summary, ENOUGH_ROWS
        more = summary_of(X, weight, self.seed, first=before.n_rows, most=most)
        return replace(self, summary=Summary.merged([before, more], most))

    @property
    def is_due(self) -> bool:
        """Whether it is time for a whole fit."""
        return self.summary.n_rows >= GROWTH * self.n_trained

    def fitted(self) -> Stream:
        """Take note of a whole fit."""
        return replace(self, n_trained=self.summary.n_rows)

    @property
    def is_untrained(self) -> NDArray[np.bool_]:
        """Which of the rows that were drawn have not been trained on."""
        return self.summary.drawn.numbers >= self.n_trained


def carry_on(
    data: Data,
    new: NDArray[np.intp],
    architecture: Architecture,
    options: TrainingOptions,
    previous: Fit,
    seed: int,
) -> Fit:
    """Put a fit on the PCA of all rows that have come, without training.

    What was learned is kept as far as `new` rows of the table, which came since then,
    confirm it. Codes keep their order and signs as far as they can.
    """
    with training_mode():
        table = data.table
        data = replace(data, training=table, held_out=None)
        start = previous.start
        if architecture.init == "pca":
            start = data.linear_start(architecture.n_components, seed)
        held_out = None
        if len(new) >= FEWEST_HELD_OUT:
            held_out = Rows.of_table(table.part(new), start).to(options.device)
        rows = Rows.of_table(table, start)
        problem = Problem.of_rows(start, architecture, options, rows, seed)
        net, factor = carry_over(problem, previous, held_out)
        return finish(problem, data, net, factor, like=previous.codec)
