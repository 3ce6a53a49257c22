"""Estimators that may predict a target: the one given, or linear models and trees."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn import config_context
from sklearn.base import clone
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LassoCV, LogisticRegression, RidgeCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import _check_method_params

from sklearn_ae._target.folds import Splits
from sklearn_ae._target.outputs import Output


@dataclass(frozen=True)
class Candidate:
    """An estimator, and what its `fit` gets beside rows and target."""

    estimator: Any
    fit_params: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)  # of scikit-learn
    fewest: int = 0  # columns with fewer values are fitted as if they were constant
    ignored: Sequence[type[Warning]] = ()
    order: int = 0  # seed of the order of rows, on which folds of its own depend

    def fitted(self, X: NDArray, y: NDArray, index: NDArray[np.intp]) -> Any:
        """Return the estimator fitted to some of the rows."""
        if self.order > 0:
            index = np.random.RandomState(self.order).permutation(index)
        params = _check_method_params(X, self.fit_params, indices=index)
        rows = X[index]
        rows[:, np.sum(~np.isnan(rows), axis=0) < self.fewest] = 0
        with config_context(**self.settings), warnings.catch_warnings():
            for category in self.ignored:
                warnings.simplefilter("ignore", category)
            return clone(self.estimator).fit(rows, y[index], **params)


def default_candidates(
    output: Output, splits: Splits, n_features: int, weight: ArrayLike | None, seed: int
) -> list[Candidate]:
    """Return ridge or logistic regression, the lasso, and gradient boosting.

    Where many columns say nothing, the lasso finds the others; its own folds need rows
    enough that count. The time of the trees is that of columns times classes, each of
    which has its own: they are left out where these are many.
    """
    n_trees = len(output.form.mean)
    if output.form.classes is not None:
        linear: list[Any] = [LogisticRegression(C=0.1, max_iter=1000)]
        # The rows that it holds out to stop early have to have all classes.
        counts = (np.unique(output.y[t], return_counts=True)[1] for t, _ in splits)
        stops_early = "auto" if min(map(min, counts)) > 1 else False
        trees = HistGradientBoostingClassifier(
            early_stopping=stops_early, random_state=seed
        )
    else:
        linear = [RidgeCV(np.logspace(-3, 5, 17))]
        n_rows = min(len(train) for train, _ in splits)
        counts_all = weight is None or bool(np.all(np.asarray(weight) > 0))
        if n_rows >= 50 and n_features <= 5000 and counts_all:  # else it takes long
            linear.append(LassoCV(cv=5))
        trees = HistGradientBoostingRegressor(random_state=seed)
    weighted: dict[Any, list[str]] = {}
    for model in linear:
        imputer = SimpleImputer(keep_empty_features=True)
        scaled = make_pipeline(imputer, StandardScaler(), model)
        weighted[scaled] = [name for name, _ in scaled.steps[1:]]
    if n_trees * n_features <= 5000:  # some tens of seconds for 1,000 rows
        weighted[trees] = []
    candidates = []
    for model, steps in weighted.items():
        names = [f"{step}__sample_weight" for step in steps] or ["sample_weight"]
        params = {} if weight is None else dict.fromkeys(names, weight)
        # Trees do not split a column with fewer values than a leaf needs rows, and
        # their bins cannot be made of none, which a fold may leave of a few.
        fewest = getattr(model, "min_samples_leaf", 0)
        settings = {"enable_metadata_routing": False}
        # A path of the lasso that ends early is a candidate like others.
        ignored = (ConvergenceWarning,)
        order = seed if isinstance(model, Pipeline) else 0
        candidates.append(Candidate(model, params, settings, fewest, ignored, order))
    return candidates
