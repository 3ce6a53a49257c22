"""Folds in which rows of one group stay together."""

import warnings
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    StratifiedGroupKFold,
    StratifiedKFold,
    check_cv,
)

Splits = list[tuple[NDArray[np.intp], NDArray[np.intp]]]


def splitter_of(cv: Any, is_discrete: bool, is_grouped: bool, random_state: Any) -> Any:
    """Return the splitter that a number of folds stands for, or the one given.

    Rows are shuffled first, as tables often come sorted.
    """
    cv = 5 if cv is None else cv  # as in scikit-learn
    if not isinstance(cv, Integral):
        return check_cv(cv)
    if is_grouped:
        # Groups of unequal size are dealt out by their size.
        return StratifiedGroupKFold(cv) if is_discrete else GroupKFold(cv)
    kind = StratifiedKFold if is_discrete else KFold
    return kind(cv, shuffle=True, random_state=random_state)


def folds_of(
    splitter: Any,
    X: NDArray,
    y: NDArray,
    groups: ArrayLike | None,
    weight: NDArray[np.float64],
) -> Splits:
    """Return training and held-out rows of each fold; each row is held out once."""
    n_samples = len(X)
    try:
        with warnings.catch_warnings():  # of classes rarer than folds
            warnings.filterwarnings("ignore", "The least populated class")
            splits = list(splitter.split(X, y, groups))
    except ValueError as error:
        if not isinstance(splitter, StratifiedKFold | StratifiedGroupKFold):
            raise ValueError(
                f"{error} Lower cv, or give more rows or groups: each fold needs one."
            ) from error
        raise ValueError(
            f"{error} y was taken for {len(np.unique(y))} classes: set "
            "target_type='continuous' if it holds numbers, or lower cv."
        ) from error
    held_out = np.concatenate([np.empty(0, int), *(test for _, test in splits)])
    if not np.array_equal(np.sort(held_out), np.arange(n_samples)):
        raise ValueError(
            f"cv={splitter!r:.80} has to hold out each of {n_samples} rows exactly "
            "once. Take KFold, GroupKFold or the like."
        )
    if not all(weight[train].any() for train, _ in splits):
        raise ValueError(
            f"cv={splitter!r:.80} has a fold whose training rows all have a "
            "sample_weight of 0. Give weights to more rows, or take other folds."
        )
    return splits


def sums_by_group(values: NDArray, groups: ArrayLike | None) -> NDArray:
    """Add up what belongs to each group; without groups each row is one."""
    if groups is None:
        return values
    return np.bincount(np.unique(groups, return_inverse=True)[1], weights=values)
