"""How many epochs a fit takes when it may choose."""

from __future__ import annotations

import math

from sklearn_ae._fit.shrinkage import MAX_SAMPLES_ALL_FOLDS

# Training goes on for this many times as long as without the guard's judgement, where
# the folds are reconstructed no better than by PCA; for more where they are. In a table
# of few rows, epochs cost little.
TIMES_AT_PCA = 0.5
TIMES_AT_PCA_FEW_ROWS = 1.5
MOST_TIMES = 3.0


def auto_max_iter(n_samples: int) -> int:
    """Return the epochs that visit 360,000 rows, from 10 to 32."""
    return min(max(360_000 // n_samples, 10), 32)


def judged_epochs(n_epochs: int) -> int:
    """Return how many of a fit's epochs the guard judges."""
    return math.ceil(n_epochs / 2)


def extension(n_samples: int, share_left: float) -> float:
    """Return how many times as long a judged network is trained on, from 1 to 3.

    What bends much takes long to learn, and overfits late.

    Parameters
    ----------
    share_left : float
        Loss on the folds of the guard, as a share of PCA's.
    """
    has_few_rows = n_samples <= MAX_SAMPLES_ALL_FOLDS
    times = TIMES_AT_PCA_FEW_ROWS if has_few_rows else TIMES_AT_PCA
    return min(max(times / max(share_left, 1e-9), 1.0), MOST_TIMES)


def most_epochs(max_iter: int | None, n_samples: int, is_judged: bool) -> int:
    """Return how many epochs a fit may take, with or without the guard."""
    if max_iter is not None:
        return max_iter
    n_epochs = auto_max_iter(n_samples)
    if not is_judged:
        return n_epochs
    first = judged_epochs(n_epochs)
    return first + round(MOST_TIMES * (n_epochs - first))
