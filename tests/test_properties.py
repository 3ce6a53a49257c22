"""Properties of any fit, on tables that hypothesis makes up.

`make fuzz` runs ten minutes of them; without HYPOTHESIS_PROFILE=fuzz it is a handful.
"""

import os
import random

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_ae import AutoencoderTransformer

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]
settings.register_profile(
    "few", max_examples=25, deadline=None, derandomize=True, suppress_health_check=SLOW
)
settings.register_profile(
    "fuzz", max_examples=2500, deadline=None, suppress_health_check=SLOW
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "few"))


@st.composite
def tables(draw):
    """Rows of some shape, dtype, scale, offset and memory layout, some with holes."""
    n_samples = draw(st.integers(2, 40))
    n_features = draw(st.integers(1, 70 if draw(st.booleans()) else 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rank = draw(st.integers(0, n_features))
    X = rng.standard_normal((n_samples, rank)) @ rng.standard_normal((rank, n_features))
    X = np.sin(X) if draw(st.booleans()) else X
    X = X + draw(st.sampled_from([0.0, 0.1])) * rng.standard_normal(X.shape)
    scale = 10.0 ** draw(st.integers(-12, 12))
    X = scale * (X + draw(st.sampled_from([0.0, 1.0, -1e3])))
    if draw(st.booleans()):
        X[:, : n_features // 2] *= 1e-4
    if draw(st.integers(0, 3)) == 0:
        X[rng.uniform(size=X.shape) < 0.2] = np.nan
    dtype = draw(st.sampled_from([np.float64, np.float64, np.float32, np.int64]))
    if dtype is not np.int64 or np.isfinite(X).all():
        X = X.astype(dtype)
    return _arranged(X, draw(st.sampled_from(["C", "F", "reversed", "step", "frame"])))


def _arranged(X, layout):
    """Return the same rows in another memory layout, read-only."""
    if layout == "frame":
        return pd.DataFrame(X, columns=[f"column {i}" for i in range(X.shape[1])])
    if layout == "step":
        wide = np.zeros((2 * len(X), X.shape[1]), X.dtype)
        wide[::2] = X
        X = wide[::2]
    elif layout == "reversed":
        X = np.ascontiguousarray(X[::-1])[::-1]
    else:
        X = np.asarray(X, order=layout)
    X.setflags(write=False)
    return X


@st.composite
def estimators(draw):
    """Small estimators."""
    return AutoencoderTransformer(
        draw(st.sampled_from([1, 2, 2, 5, 0.9, None])),
        hidden_layer_sizes=draw(st.sampled_from([(), (8,), (16, 4)])),
        activation=draw(st.sampled_from(["silu", "relu", "tanh"])),
        max_iter=draw(st.integers(1, 4)),
        cv=draw(st.sampled_from(["auto", None])),
        early_stopping=draw(st.booleans()),
        whiten=draw(st.booleans()),
        nested_dropout=draw(st.sampled_from([0.0, 0.3])),
        random_state=draw(st.integers(0, 100)),
    )


def _global_state():
    """What a fit may not change."""
    return (
        torch.get_rng_state().tolist(),
        np.random.get_state()[1].tolist(),  # noqa: NPY002
        random.getstate(),
        torch.get_num_threads(),
        torch.is_grad_enabled(),
        np.geterr(),
    )


def _observed_error(X, reconstruction):
    return np.nansum((np.asarray(X, np.float64) - reconstruction) ** 2)


@pytest.mark.filterwarnings("ignore:validation_fraction:UserWarning")
@given(X=tables(), model=estimators())
def test_any_table_is_fitted_or_refused_with_a_reason(X, model):
    rows = np.asarray(X)
    before, state = rows.copy(), _global_state()
    try:
        codes = model.fit_transform(X)
    except (ValueError, TypeError) as error:
        reason = str(error)
    else:
        reason = None
    finally:
        assert _global_state() == state
        assert_array_equal(rows, before)
    if reason is not None:
        assert len(reason) > 10
        assert not hasattr(model, "n_components_")
        return
    assert codes.dtype == (np.float32 if rows.dtype == np.float32 else np.float64)
    assert codes.shape == (len(rows), model.n_components_)
    assert np.isfinite(codes).all()
    _check_rows_are_independent(model, X, codes)
    reconstruction = model.inverse_transform(codes)
    assert np.isfinite(reconstruction).all()
    assert model.explained_variance_ratio_.sum() <= 1 + 1e-9
    if not model.early_stopping and not np.isnan(rows.astype(np.float64)).any():
        assert model.score(X) >= model.pca_score_ - 1e-4


def _check_rows_are_independent(model, X, codes):
    """Order, batches and subsets of rows do not matter."""
    tolerance = {"rtol": 1e-5, "atol": 1e-5 * max(np.abs(codes).max(), 1e-300)}
    if codes.dtype == np.float32:
        tolerance = {"rtol": 1e-3, "atol": 1e-3 * max(np.abs(codes).max(), 1e-30)}
    take = X.iloc if isinstance(X, pd.DataFrame) else X
    shown = np.ones(codes.shape[1], dtype=bool)
    if model.whiten:  # which blows rounding up where there is hardly any variance
        shares = model.explained_variance_ratio_
        shown = shares > 1e-6 * max(shares.max(), 1e-300)
    for rows in (np.arange(len(codes))[::-1], slice(0, 1), slice(1, None)):
        again = model.transform(take[rows])
        assert_allclose(again[:, shown], codes[rows][:, shown], **tolerance)
