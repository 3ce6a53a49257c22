"""Seeded tables of many kinds, of which most have nothing to bend after.

Each kind is drawn in each of 20 shapes: 5 numbers of rows by 4 of columns, with 1, 2 or
5 codes in turn, always fewer than columns. A table has a seed of its own, made of its
kind and shape, so that it stays what it is where others come or go.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks.datasets import Table, check_names

Generator = np.random.Generator
Draw = Callable[[Generator, int, int], np.ndarray]

ROWS = (20, 60, 200, 600, 2000)
FEW_ROWS = (20, 30, 50, 100, 200)
COLUMNS = (3, 10, 30, 60)
CODE_SIZES = (1, 2, 5)
QUICK_ROWS, QUICK_COLUMNS = 200, 10
MOST_FACTORS = 8
GROSS = 10.0  # standard deviations between an outlier and where it belongs


def low_rank(
    rng: Generator, n_rows: int, n_columns: int, noise: float = 0.3
) -> np.ndarray:
    """Mix 1 to 8 normal factors, and add normal noise to columns of variance 1."""
    n_factors = rng.integers(1, min(MOST_FACTORS, n_columns), endpoint=True)
    loadings = rng.standard_normal((n_factors, n_columns)) / np.sqrt(n_factors)
    X = rng.standard_normal((n_rows, n_factors)) @ loadings
    return X + noise * rng.standard_normal((n_rows, n_columns))


def student(
    rng: Generator, n_rows: int, n_columns: int, freedom: float = 2.0
) -> np.ndarray:
    """Draw independent columns with heavy tails."""
    return rng.standard_t(freedom, (n_rows, n_columns))


def mixed_student(
    rng: Generator, n_rows: int, n_columns: int, freedom: float = 2.0
) -> np.ndarray:
    """Mix 1 to 8 factors with heavy tails, and add noise with the same tails."""
    n_factors = rng.integers(1, min(MOST_FACTORS, n_columns), endpoint=True)
    X = rng.standard_t(freedom, (n_rows, n_factors))
    X = X @ rng.standard_normal((n_factors, n_columns)) / np.sqrt(n_factors)
    return X + 0.3 * rng.standard_t(freedom, (n_rows, n_columns))


def outlying_rows(rng: Generator, n_rows: int, n_columns: int) -> np.ndarray:
    """Move 1 to 5 % of the rows of a table of low rank far away, at least one."""
    X = low_rank(rng, n_rows, n_columns)
    n_out = max(1, round(rng.uniform(0.01, 0.05) * n_rows))
    X[:n_out] += GROSS * rng.standard_normal((n_out, n_columns))
    return X


def outlying_cells(rng: Generator, n_rows: int, n_columns: int) -> np.ndarray:
    """Move 1 to 5 % of the cells of a table of low rank far away."""
    X = low_rank(rng, n_rows, n_columns)
    is_out = rng.random(X.shape) < rng.uniform(0.01, 0.05)
    return X + GROSS * is_out * rng.standard_normal(X.shape)


def walks(rng: Generator, n_rows: int, n_columns: int) -> np.ndarray:
    """Let each column walk at random from row to row."""
    return rng.standard_normal((n_rows, n_columns)).cumsum(axis=0)


def categories(rng: Generator, n_rows: int, n_columns: int) -> np.ndarray:
    """Draw categories of 2 to 6 levels, which follow three hidden groups; one-hot."""
    groups = rng.integers(3, size=n_rows)
    columns: list[np.ndarray] = []
    while len(columns) < n_columns:
        n_levels = int(rng.integers(2, 6, endpoint=True))
        # Up to each level, the chance in each group.
        chance = rng.dirichlet(np.ones(n_levels), 3).cumsum(axis=1)
        level = (rng.random((n_rows, 1)) > chance[groups, :-1]).sum(axis=1)
        columns += [*np.eye(n_levels)[level].T]
    return np.column_stack(columns[:n_columns])


def log_normal(rng: Generator, n_rows: int, n_columns: int) -> np.ndarray:
    """Take the exponential of a table of low rank."""
    return np.exp(low_rank(rng, n_rows, n_columns))


def exponential(rng: Generator, n_rows: int, n_columns: int) -> np.ndarray:
    """Draw independent waiting times."""
    return rng.exponential(size=(n_rows, n_columns))


def counts(rng: Generator, n_rows: int, n_columns: int) -> np.ndarray:
    """Count events, mostly none, whose rates are those of a table of low rank."""
    rate = np.exp(low_rank(rng, n_rows, n_columns) - rng.uniform(1, 2))
    return rng.poisson(rate).astype(float)


def independent(rng: Generator, n_rows: int, n_columns: int) -> np.ndarray:
    """Draw independent normal columns."""
    return rng.standard_normal((n_rows, n_columns))


def curved(
    rng: Generator, n_rows: int, n_columns: int, noise: float = 0.1
) -> np.ndarray:
    """Bend a line or a plane into all columns by sines, and add normal noise."""
    n_factors = rng.integers(1, 2, endpoint=True)
    factors = rng.uniform(-1, 1, (n_rows, n_factors))
    turns = factors @ rng.normal(scale=2, size=(n_factors, n_columns))
    X = np.sin(turns + rng.uniform(0, 2 * np.pi, n_columns))
    return X + noise * rng.standard_normal(X.shape)


def near_duplicates(rng: Generator, n_rows: int, n_columns: int) -> np.ndarray:
    """Repeat independent columns about three times, with noise of 1 %."""
    once = rng.standard_normal((n_rows, -(-n_columns // 3)))
    X = once[:, np.arange(n_columns) % once.shape[1]]
    return X + 0.01 * rng.standard_normal(X.shape)


def clusters(rng: Generator, n_rows: int, n_columns: int) -> np.ndarray:
    """Draw 2 to 6 clusters, each with a width of its own."""
    n_clusters = rng.integers(2, 6, endpoint=True)
    centres = rng.normal(scale=3, size=(n_clusters, n_columns))
    widths = rng.uniform(0.2, 2, n_clusters)
    which = rng.integers(n_clusters, size=n_rows)
    noise = rng.standard_normal((n_rows, n_columns))
    return centres[which] + widths[which, None] * noise


def integers(rng: Generator, n_rows: int, n_columns: int) -> np.ndarray:
    """Round a table of low rank to the seven answers of a questionnaire."""
    return np.clip(np.rint(1.5 * low_rank(rng, n_rows, n_columns)), -3, 3)


def sundry(rng: Generator, n_rows: int, n_columns: int) -> np.ndarray:
    """Put curved, skewed and categorical columns beside each other."""
    parts = np.array_split(np.arange(n_columns), 3)
    draws = (curved, log_normal, categories)
    return np.hstack(
        [draw(rng, n_rows, len(part)) for draw, part in zip(draws, parts, strict=True)]
    )


FREEDOMS = (1.5, 2, 3, 5)
KINDS: dict[str, Draw] = {
    **{f"student-{df}": partial(student, freedom=df) for df in FREEDOMS},
    **{f"mixed-student-{df}": partial(mixed_student, freedom=df) for df in FREEDOMS},
    "outlying-rows": outlying_rows,
    "outlying-cells": outlying_cells,
    "walks": walks,
    "few-rows": low_rank,
    "few-rows-curved": partial(curved, noise=0.3),
    "categories": categories,
    "log-normal": log_normal,
    "exponential": exponential,
    "counts": counts,
    "independent": independent,
    "low-rank": low_rank,
    "curved": curved,
    "curved-noisy": partial(curved, noise=0.7),
    "near-duplicates": near_duplicates,
    "clusters": clusters,
    "integers": integers,
    "sundry": sundry,
}


@dataclass(frozen=True)
class Design:
    """What to draw, and at how many codes to compress it."""

    kind: str
    n_rows: int
    n_columns: int
    n_components: int

    @property
    def name(self) -> str:
        """Name the table in reports."""
        return f"{self.kind} {self.n_rows}x{self.n_columns}"

    def table(self) -> Table:
        """Draw the table; its target is nothing."""
        rng = np.random.default_rng([*self.name.encode()])
        X = KINDS[self.kind](rng, self.n_rows, self.n_columns)
        return Table(self.name, X, np.zeros(self.n_rows), "regression")


def designs(names: Sequence[str] | None, quick: bool = False) -> Iterator[Design]:
    """List the tables of all kinds or of those named; the quick form has one a kind."""
    check_names("kind", names, list(KINDS))
    for position, kind in enumerate(KINDS):
        if names is not None and kind not in names:
            continue
        for n_rows, n_columns, n_components in _shapes(kind, position):
            if not quick or (n_rows, n_columns) == (QUICK_ROWS, QUICK_COLUMNS):
                yield Design(kind, n_rows, n_columns, n_components)


def _shapes(kind: str, position: int) -> Iterator[tuple[int, int, int]]:
    """Cross rows and columns, the number of codes in turn, each kind from another."""
    rows = FEW_ROWS if kind.startswith("few-rows") else ROWS
    turn = position
    for n_rows in rows:
        for n_columns in COLUMNS:
            sizes = [size for size in CODE_SIZES if size < n_columns]
            yield n_rows, n_columns, sizes[turn % len(sizes)]
            turn += 1
