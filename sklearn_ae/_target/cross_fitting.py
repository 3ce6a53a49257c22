"""Predictions of an output for rows that were held out, and for new ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import nnls

from sklearn_ae._target.candidates import Candidate
from sklearn_ae._target.folds import Splits, sums_by_group
from sklearn_ae._target.outputs import Form, Output, is_constant

Float64 = NDArray[np.float64]

# Standard errors by which one prediction has to be better than another.
WORTH = 2.0


@dataclass(frozen=True)
class Predictor:
    """Fitted estimators and how much each counts, for one output."""

    estimators: Sequence[Any]
    shares: Float64  # (n_estimators,)
    form: Form

    def __call__(self, X: NDArray) -> Float64:
        """Return predictions, shape (n_samples, n_columns), with the mean taken off."""
        found = [_response(e, X, self.form) for e in self.estimators]
        return np.tensordot(self.shares, np.array(found) - self.form.mean, axes=1)


@dataclass(frozen=True)
class Learned:
    """What is known of one output."""

    predictor: Predictor | None  # None where nothing is
    held_out: Float64  # (n_samples, n_columns), predictions with the mean taken off
    score: float  # share of the variance of the output that they explain


@dataclass(frozen=True)
class HeldOut:
    """Predictions of each candidate for rows that were held out, the mean taken off."""

    predictions: Float64  # (n_candidates, n_samples, n_columns)
    target: Float64  # (n_samples, n_columns)
    baseline: Float64  # the same shape, means of the training rows
    weight: Float64  # (n_samples,)
    groups: ArrayLike | None

    def mixed(self, shares: Float64) -> Float64:
        """Add up predictions."""
        return np.tensordot(shares, self.predictions, axes=1)

    def errors(self, prediction: Float64) -> Float64:
        """Return the weighted squared error of each row."""
        squares = ((self.target - prediction) ** 2).sum(axis=1)
        return np.asarray(squares * self.weight)

    def is_better(self, one: Float64, other: Float64) -> bool:
        """Whether errors are smaller by more than chance, over rows or groups."""
        gains = self.errors(other) - self.errors(one)
        gains = sums_by_group(gains, self.groups)
        error = np.sqrt(len(gains)) * gains.std()
        return bool(gains.sum() > WORTH * error)

    def is_known(self) -> bool:
        """Whether a candidate, or the average of all, is better than the mean.

        No mixture fitted to these predictions is asked, as each row has taken part in
        those of the others.
        """
        asked = (*self.predictions, self.predictions.mean(axis=0))
        return any(self.is_better(one, self.baseline) for one in asked)

    def shares(self) -> Float64:
        """Return how much each candidate counts; the only one counts as it is.

        Others than the first count where that makes held-out errors smaller by more
        than chance, by least squares without negative weights: stacked regressions
        (Breiman, 1996, Machine Learning 24, 49-64).
        """
        alone = np.zeros(len(self.predictions))
        if len(alone) == 1:
            return np.ones(1)
        alone[:1] = self._least_squares(1)
        mixture = self._least_squares(len(alone))
        is_better = self.is_better(self.mixed(mixture), self.mixed(alone))
        return mixture if is_better else alone

    def _least_squares(self, n_candidates: int) -> Float64:
        """Return weights of the first candidates, at least 0."""
        root = np.sqrt(self.weight)[:, None]
        matrix = (self.predictions[:n_candidates] * root).reshape(n_candidates, -1)
        shares: Float64 = nnls(matrix.T, (self.target * root).ravel())[0]
        return shares


def learn(
    candidates: Sequence[Candidate],
    X: NDArray,
    output: Output,
    splits: Splits,
    weight: Float64,
    groups: ArrayLike | None,
) -> Learned:
    """Fit candidates to each fold, mix them, and fit those that count to all rows."""
    form = output.form
    target = output.values - form.mean
    if output.is_constant:
        return Learned(None, target, score=0.0)
    predictions = np.empty((len(candidates), *target.shape))
    baseline = np.empty_like(target)
    for train, test in splits:
        baseline[test] = np.average(target[train], axis=0, weights=weight[train])
        if is_constant(target[train], weight[train]):  # most classifiers need two
            predictions[:, test] = baseline[test]
            continue
        for i, candidate in enumerate(candidates):
            fitted = candidate.fitted(X, output.y, train)
            predictions[i, test] = _response(fitted, X[test], form) - form.mean
    found = HeldOut(predictions, target, baseline, weight, groups)
    shares = found.shares()
    is_known = found.is_known() and bool(shares.any())
    # What is chance is told of predictions that were not fitted to the target.
    held_out = found.mixed(shares) if is_known else predictions.mean(axis=0)
    lost = found.errors(held_out).sum() / found.errors(baseline).sum()
    predictor = None
    if is_known:
        rows = np.arange(len(X))
        used = np.flatnonzero(shares).tolist()
        estimators = [candidates[i].fitted(X, output.y, rows) for i in used]
        predictor = Predictor(estimators, shares[used], form)
    return Learned(predictor, held_out, score=float(1 - lost))


def _response(estimator: Any, X: NDArray, form: Form) -> Float64:
    """Return predictions, or probabilities of classes, in the form of an output.

    A class that the estimator has not seen has the probability 0.
    """
    if form.classes is None or not hasattr(estimator, "predict_proba"):
        return form.columns(estimator.predict(X))
    found = np.zeros((len(X), len(form.classes)))
    found[:, np.searchsorted(form.classes, estimator.classes_)] = (
        estimator.predict_proba(X)
    )
    return found[:, -len(form.mean) :]
