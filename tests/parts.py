"""Streams that are cut into parts, and comparisons of what fits to them find."""

import numpy as np
from numpy.testing import assert_array_equal

FITTED = ["n_samples_seen_", "code_correlations_"]


def batches(X, *ends):
    """Cut rows at the ends."""
    return np.split(X, ends)


def streamed(model, parts, weights=None):
    """Go on with each of the parts."""
    weights = [None] * len(parts) if weights is None else weights
    for part, weight in zip(parts, weights, strict=True):
        model.partial_fit(part, sample_weight=weight)
    return model


def kept_rows(model):
    """Return the rows that are kept, and their weights."""
    drawn = model._stream.summary.drawn
    return drawn.rows, drawn.weight


def state(model):
    """Attributes, of which fitted ones are the same objects as long as they stay."""
    return dict(vars(model))


def assert_same(found, expected, X):
    codes = found.transform(X)
    assert_array_equal(codes, expected.transform(X))
    assert_array_equal(
        found.inverse_transform(codes), expected.inverse_transform(codes)
    )
    for name in [*FITTED, "pca_score_", "shrinkage_", "mean_", "loss_curve_"]:
        assert_array_equal(getattr(found, name), getattr(expected, name))
