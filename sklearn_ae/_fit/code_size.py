"""The number of codes that `n_components` asks for."""

from dataclasses import replace
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from sklearn_ae._data import LinearStart, Table, holds_nothing, shifted, source_of
from sklearn_ae._fit.budget import rounds
from sklearn_ae._fit.cross_validation import Folds, cross_validated_shrinkage
from sklearn_ae._fit.parameters import describe_network
from sklearn_ae._fit.problem import Problem
from sklearn_ae._fit.train import train_without_folds
from sklearn_ae._model import Architecture, training_mode
from sklearn_ae._training import Rows, TrainingOptions


def code_size(model: Any, table: Table, options: TrainingOptions, seed: int) -> int:
    """Return the number of codes that `n_components` means for these rows."""
    n_components, largest = model.n_components, min(table.X.shape)
    if n_components is None:
        return largest
    if isinstance(n_components, Integral):
        if model.init == "pca" and n_components > largest:
            raise ValueError(
                f"n_components={n_components!r} must be at most "
                f"min(n_samples, n_features)={largest} with init='pca', as in "
                "PCA, where n_samples counts the rows to train on. Lower it, or "
                "set init='random'."
            )
        return int(n_components)
    lacking = "a class as module" if isinstance(model.module, nn.Module) else None
    lacking = "init='pca'" if model.init != "pca" else lacking
    if lacking is not None:
        raise ValueError(
            f"n_components={n_components!r} is a share of the variance, which needs "
            f"{lacking}. Give the number of codes as an int."
        )
    architecture = describe_network(model, 1, len(table))
    return _smallest_code(table, float(n_components), architecture, options, seed)


def _smallest_code(
    table: Table,
    share: float,
    architecture: Architecture,
    options: TrainingOptions,
    seed: int,
) -> int:
    """Return the smallest code that explains a share of the variance of other rows.

    It is at most what PCA needs on the training data. A size is tried by training
    without a quarter of the rows, as cross-validation does. Where PCA with its number
    of components does not reach the share on these, what it reaches counts.
    """
    drawn = table.drawn(seed)
    if drawn.is_complete or not holds_nothing(drawn.X, axis=0).any():
        table = drawn
    options = replace(options, callbacks=(), verbose=0)
    fold = Folds(4, 1)
    explained = _explained_by_pca(table)
    largest = min(1 + int(np.sum(explained <= share)), len(explained))
    if largest == 1 or fold.n_left(len(table)) <= largest:
        return largest

    def score(n_components: int, trained: bool = True) -> float:
        sized = replace(architecture, n_components=n_components)
        with training_mode():
            start = LinearStart.of_table(table, n_components, seed)
            rows = Rows.of_table(table, start)
            times = table.effective_size / len(table)
            problem = Problem.of_rows(start, sized, options, rows, seed, times)
            return _held_out_score(problem, fold, trained)

    wanted, n_tried = min(share, score(largest, trained=False)), 0
    # What is left by what PCA leaves, at a size too small and at one that is enough.
    unexplained = np.maximum(1.0 - explained, 1e-16)
    sizes, ratios = [0, largest], [(1.0 - wanted) / unexplained[largest - 1]] * 2
    while sizes[1] - sizes[0] > 1:
        between = np.arange(sizes[0] + 1, sizes[1])
        left = unexplained[between - 1] * np.interp(between, sizes, ratios)
        # Every third trial halves what is between, which bounds their number.
        near = np.searchsorted(-left, wanted - 1.0) if n_tried % 3 else len(left) // 2
        size = int(between[min(near, len(left) - 1)])
        found, n_tried = score(size), n_tried + 1
        end = int(found >= wanted)
        sizes[end], ratios[end] = size, (1.0 - found) / unexplained[size - 1]
        if sizes[0] == 0:  # where nothing was tried
            ratios[0] = ratios[1]
    return sizes[1]


def _explained_by_pca(table: Table) -> NDArray[np.float64]:
    """Return the share of the variance that PCA explains with 1, 2, ... components."""
    start = LinearStart.of_table(table, 1, seed=0)
    if start.total_variance == 0.0:
        return np.ones(1)
    products = _products(start, table)
    eigenvalues = np.maximum(np.linalg.eigvalsh(products)[::-1], 0.0)
    return np.cumsum(eigenvalues) / eigenvalues.sum()


def _products(start: LinearStart, table: Table) -> NDArray[np.float64]:
    """Return the products of weighted columns or, where these are fewer, of rows."""
    n_samples, n_features = table.X.shape
    blocks = (x * np.sqrt(weight)[:, None] for x, weight, _ in start.blocks(table))
    if n_samples >= n_features:
        return sum((x.T @ x for x in blocks), np.zeros((n_features, n_features)))
    rows = source_of(table.X).operator()
    if rows is None:
        x = np.concatenate(list(blocks))
        return x @ x.T
    rows = shifted(rows, start.mean)
    products = np.hstack([rows.matmat(x.T) for x in blocks])
    return products * (np.sqrt(table.weight)[:, None] / start.scale)


def _held_out_score(problem: Problem, fold: Folds, trained: bool) -> float:
    """Fraction of the variance of left-out rows that a code of this size explains."""
    first = [0]
    if trained and not (problem.architecture.is_linear or problem.start.is_optimal):
        first = [next(rounds(problem.options.max_iter, goes_on=True))]
    (held_out,) = train_without_folds(problem, fold, first).held_out
    variance = problem.objective.of_variance()
    factor = cross_validated_shrinkage([held_out], variance)
    with held_out.module.shrunk(factor):
        return 1.0 - variance.measure(held_out.module, held_out.rows()).share
