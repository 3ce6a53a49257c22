"""Measure one method on one table, fold by fold."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.model_selection import KFold, StratifiedKFold, cross_validate
from sklearn.pipeline import Pipeline
from tqdm import tqdm

import sklearn_ae
from benchmarks.datasets import Table
from benchmarks.methods import build_pipeline

N_FOLDS = 5


@dataclass(frozen=True)
class Job:
    """One method on one table: what to fit, and what to call it in the report."""

    table: Table
    method: str
    n_components: int
    scale: bool = True
    shuffle: bool = False
    label: str = ""


def lost_share(scaled: np.ndarray, reconstruction: np.ndarray) -> float:
    """Divide squared errors by squared distances from a training mean of zero."""
    return float(np.sum((scaled - reconstruction) ** 2) / np.sum(scaled**2))


def held_out_fvu(pipeline: Pipeline, X: np.ndarray, y: object = None) -> float:
    """Score a fitted pipeline by the fraction of variance its codes lose.

    The squared reconstruction error of the rows over their squared distance from the
    training mean, both in the standardised space in which the reducer works. That mean
    is zero there. NaN for a pipeline that reduces nothing.
    """
    reducer = pipeline.named_steps["reducer"]
    if reducer == "passthrough":
        return float("nan")
    scaled = pipeline.named_steps["scaler"].transform(X)
    return lost_share(scaled, reducer.inverse_transform(reducer.transform(scaled)))


def versions() -> dict[str, str]:
    """Name the software that produced a row."""
    names = ["numpy", "scikit-learn", "skorch", "torch"]
    installed = {name: version(name) for name in names}
    return {"sklearn_ae": sklearn_ae.__version__, **installed}


def _splits(job: Job) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Split as ``cross_val_score`` does, after a seeded shuffle for sorted tables."""
    by_class = job.table.task == "classification"
    splitter = (StratifiedKFold if by_class else KFold)(
        N_FOLDS, shuffle=job.shuffle, random_state=0 if job.shuffle else None
    )
    return splitter.split(job.table.X, job.table.y)


def measure(job: Job, n_folds: int = N_FOLDS) -> Iterator[dict[str, Any]]:
    """Yield one row for each of the first ``n_folds`` folds.

    All figures of a row come from one fit, whose seconds are those of the whole
    pipeline: scaling, reduction and linear model.
    """
    table = job.table
    metric = "accuracy" if table.task == "classification" else "r2"
    pipeline = build_pipeline(job.method, table.task, job.n_components, scale=job.scale)
    for fold, split in enumerate(islice(_splits(job), n_folds)):
        result = cross_validate(
            pipeline,
            table.X,
            table.y,
            cv=[split],
            scoring={"score": metric, "fvu": held_out_fvu},
            error_score="raise",
        )
        yield {
            "data": table.name,
            "method": job.label or job.method,
            "n_components": job.n_components,
            "fold": fold,
            "metric": metric,
            "score": result["test_score"][0],
            "held_out_fvu": result["test_fvu"][0],
            "fit_seconds": result["fit_time"][0],
            "threads": torch.get_num_threads(),
            **versions(),
        }


def measure_all(jobs: Iterable[Job], n_folds: int, title: str) -> pd.DataFrame:
    """Measure each job, with a progress bar where there is a terminal to show it."""
    jobs = list(jobs)
    rows = []
    # disable=None: nothing is drawn unless stderr is a terminal.
    with tqdm(total=len(jobs) * n_folds, desc=title, leave=False, disable=None) as bar:
        for job in jobs:
            bar.set_postfix_str(f"{job.table.name}, {job.label or job.method}")
            for row in measure(job, n_folds):
                rows.append(row)
                bar.update()
    return pd.DataFrame(rows)
