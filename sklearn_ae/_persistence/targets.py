"""What is learned of a target, as kinds."""

from typing import Any

import numpy as np

from sklearn_ae._persistence.values import Kind, need
from sklearn_ae._target import Form, Predictor


def _put_form(parts: dict[str, Any]) -> Form:
    form = Form(**parts)
    n_columns = 1
    if form.classes is not None:
        n_columns = len(form.classes) - (len(form.classes) == 2)
        is_sorted = np.array_equal(np.unique(form.classes), form.classes)
        need(is_sorted, "The list of classes is")
    is_right = form.mean.shape == (n_columns,) and form.mean.dtype == np.float64
    need(is_right and np.isfinite(form.mean).all(), "The mean of its target is")
    need(type(form.scale) is float and form.scale > 0, "The scale of its target is")
    return form


def _put_predictor(parts: dict[str, Any]) -> Predictor:
    predictor = Predictor(**parts)
    shares, estimators = predictor.shares, predictor.estimators
    is_right = shares.dtype == np.float64 and shares.shape == (len(estimators),)
    is_positive = is_right and len(shares) > 0 and (shares > 0).all()
    need(is_positive and np.isfinite(shares).all(), "The shares of its estimators are")
    are_estimators = all(hasattr(one, "predict") for one in estimators)
    need(isinstance(predictor.form, Form) and are_estimators, "Its predictor is")
    if predictor.form.classes is not None:
        found = [getattr(one, "classes_", []) for one in estimators]
        known = (np.isin(classes, predictor.form.classes).all() for classes in found)
        need(all(known), "The list of classes of its estimators is")
    return predictor


TARGETS = {
    "sklearn_ae.Form": Kind(lambda form: {**vars(form)}, _put_form),
    "sklearn_ae.Predictor": Kind(lambda one: {**vars(one)}, _put_predictor),
}
