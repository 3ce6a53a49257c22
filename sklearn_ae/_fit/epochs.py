"""How many epochs a fit takes when it may choose."""

from __future__ import annotations

import math

# A table of few rows: its epochs cost little, and held-out rows tell little.
FEW_SAMPLES = 500
# Training goes on for these times, over the share of PCA's loss that is left on the
# folds, as long as before cross-validation, from 1 to 3 (ablation benchmark, "epochs do
# not follow the folds", "no more epochs for few rows").
TIMES_AT_PCA = 0.5
TIMES_AT_PCA_FEW_ROWS = 1.5
MOST_TIMES = 3.0


def auto_max_iter(n_samples: int) -> int:
    """Return the epochs that visit 360,000 rows, from 10 to 32."""
    return min(max(360_000 // n_samples, 10), 32)


def epochs_before_cross_validation(n_epochs: int) -> int:
    """Return how many of a fit's epochs networks are trained without a fold."""
    return math.ceil(n_epochs / 2)


def extension(n_samples: int, share_left: float) -> float:
    """Return how many times as long training goes on after cross-validation, 1 to 3.

    What bends much takes long to learn, and overfits late.

    Parameters
    ----------
    share_left : float
        Loss on the folds, as a share of PCA's.
    """
    times = TIMES_AT_PCA_FEW_ROWS if n_samples <= FEW_SAMPLES else TIMES_AT_PCA
    return min(max(times / max(share_left, 1e-9), 1.0), MOST_TIMES)


def most_epochs(max_iter: int | None, n_samples: int, is_cross_validated: bool) -> int:
    """Return how many epochs a fit may take."""
    if max_iter is not None:
        return max_iter
    n_epochs = auto_max_iter(n_samples)
    if not is_cross_validated:
        return n_epochs
    first = epochs_before_cross_validation(n_epochs)
    return first + round(MOST_TIMES * (n_epochs - first))
