"""Predictions of an output for rows that were held out, and for new ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import nnls

from sklearn_ae._target.candidates import Candidate
from sklearn_ae._target.folds import Splits, sums_by_group
from sklearn_ae._target.outputs import Output

Float64 = NDArray[np.float64]

# Standard errors by which predictions have to be better than the mean.
WORTH = 2.0


@dataclass(frozen=True)
class Predictor:
    """Fitted estimators and how much each counts, for one output."""

    estimators: Sequence[Any]
    shares: Float64  # (n_estimators,)
    output: Output

    def __call__(self, X: NDArray) -> Float64:
        """Return predictions, shape (n_samples, n_columns), with the mean taken off."""
        found = [_response(e, X, self.output) for e in self.estimators]
        return _mixed(np.array(found) - self.output.mean, self.shares)


@dataclass(frozen=True)
class Learned:
    """What is known of one output."""

    predictor: Predictor | None  # None where there is nothing to predict
    held_out: Float64  # (n_samples, n_columns), predictions with the mean taken off
    score: float  # share of the variance of the output that they explain
    is_worth: bool  # whether they are better than the mean beyond chance


def learn(
    candidates: Sequence[Candidate],
    X: NDArray,
    output: Output,
    splits: Splits,
    weight: Float64,
    groups: ArrayLike | None,
) -> Learned:
    """Fit candidates to each fold and to all rows, and mix them.

    Several are mixed as in stacked regressions (Breiman, 1996, Machine Learning 24,
    49-64): least squares of the held-out predictions with no weight below 0. Only one
    counts as it is. Whether anything is known is asked of mixtures that are not fitted
    to these predictions: held-out rows have taken part in each other's.
    """
    target = output.values - output.mean
    if output.is_constant:
        return Learned(None, target, score=0.0, is_worth=False)
    predictions = np.empty((len(candidates), *target.shape))
    baseline = np.empty_like(target)
    for train, test in splits:
        baseline[test] = np.average(target[train], axis=0, weights=weight[train])
        for i, candidate in enumerate(candidates):
            fitted = candidate.fitted(X, output.y, train)
            predictions[i, test] = _response(fitted, X[test], output) - output.mean

    def errors(prediction: Float64) -> Float64:
        return ((target - prediction) ** 2).sum(axis=1) * weight

    before = errors(baseline)
    average = predictions.mean(axis=0)
    is_worth = any(
        _is_worth(sums_by_group(before - errors(one), groups))
        for one in (*predictions, average)
    )
    shares = _shares(predictions, target, weight)
    held_out = _mixed(predictions, shares)
    everything = np.arange(len(X))
    estimators = [one.fitted(X, output.y, everything) for one in candidates]
    after = errors(held_out if is_worth else average)
    return Learned(
        Predictor(estimators, shares, output),
        held_out,
        score=float(1 - after.sum() / before.sum()),
        is_worth=is_worth,
    )


def _is_worth(gains: Float64) -> bool:
    """Whether a sum of gains is above 0 by more than chance."""
    error = np.sqrt(len(gains)) * gains.std()
    return bool(gains.sum() > WORTH * error)


def _response(estimator: Any, X: NDArray, output: Output) -> Float64:
    """Return predictions, or probabilities of classes, in the form of the output.

    A class that the estimator has not seen has the probability 0.
    """
    if output.classes is None or not hasattr(estimator, "predict_proba"):
        return output.columns(estimator.predict(X))
    found = np.zeros((len(X), len(output.classes)))
    found[:, np.searchsorted(output.classes, estimator.classes_)] = (
        estimator.predict_proba(X)
    )
    return found[:, -output.values.shape[1] :]


def _shares(predictions: Float64, target: Float64, weight: Float64) -> Float64:
    """Return how much each of several candidates counts."""
    if len(predictions) == 1:
        return np.ones(1)
    root = np.sqrt(weight)[:, None]
    matrix = (predictions * root).reshape(len(predictions), -1).T
    shares: Float64 = nnls(matrix, (target * root).ravel())[0]
    return shares


def _mixed(predictions: Float64, shares: Float64) -> Float64:
    """Add up predictions of shape (n_candidates, n_samples, n_columns)."""
    return np.tensordot(shares, predictions, axes=1)
