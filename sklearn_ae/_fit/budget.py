"""How many epochs a fit takes: as long as rows that are not trained on gain by them."""

import math
from collections.abc import Iterator

# Networks are trained for so many epochs, then for half as many again, and again, while
# two such rounds take a share off the loss of rows that they are not trained on: what
# bends much takes long to learn (ablation benchmark, "worth").
FIRST_EPOCHS = 8
WORTH = 0.05
MOST_EPOCHS = 100


def rounds(max_iter: int | None, goes_on: bool) -> Iterator[int]:
    """Yield the epochs of each round that networks are trained without a fold.

    Parameters
    ----------
    max_iter : int or None
        Epochs of the fit; None leaves them to the rows without.
    goes_on : bool
        Whether training goes on with all rows, for as long.
    """
    if max_iter is not None:
        yield math.ceil(max_iter / 2) if goes_on else max_iter
        return
    n_epochs, target = 0, FIRST_EPOCHS
    while n_epochs < MOST_EPOCHS:
        yield target - n_epochs
        n_epochs, target = target, min(math.ceil(1.5 * target), MOST_EPOCHS)


def is_worth_it(losses: list[float]) -> bool:
    """Whether the folds have gained enough by the last two rounds to go on.

    Two, as some tables gain little at first.
    """
    return len(losses) < 3 or min(losses[-2:]) < (1 - WORTH) * min(losses[:-2])


def epochs_that_follow(max_iter: int | None, n_epochs: int) -> int:
    """Return for how many epochs training goes on with all rows."""
    return n_epochs if max_iter is None else max_iter - n_epochs


def epochs_without_folds(max_iter: int | None, is_validated: bool) -> int:
    """Return the epochs of a fit without folds, at most where it is validated."""
    return max_iter or (MOST_EPOCHS if is_validated else 4 * FIRST_EPOCHS)


def most_epochs(max_iter: int | None, n_parts: int, is_validated: bool) -> int:
    """Return how many epochs a fit may take; one without folds has no parts."""
    if max_iter is not None or n_parts == 0:
        return epochs_without_folds(max_iter, is_validated)
    return n_parts * MOST_EPOCHS
