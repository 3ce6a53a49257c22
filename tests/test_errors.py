"""Every error says what was given, what is allowed, and what to do."""

import re

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

BAD_PARAMETERS = [
    ("n_components", [0, -1, 1.5, 1.0, 0.0, "2"]),
    ("hidden_layer_sizes", [0, -5, 2.5, "ab", None]),
    ("activation", ["swish", None]),
    ("init", ["zeros", None]),
    ("loss", ["mse", None]),
    ("code_activation", ["softmax", None]),
    ("output_activation", ["relu", None]),
    ("module", ["FullyConnected", 3]),
    ("noise", [-0.1, np.nan]),
    ("code_penalty", [-1, np.inf, np.nan, None]),
    ("batch_size", [0, 2.5, "all"]),
    ("learning_rate_init", [0, -1e-3, np.inf, np.nan, "fast"]),
    ("nested_dropout", [-0.1, 1, 1.5, np.nan, None]),
    ("max_iter", [0, -3, 2.5, "many"]),
    ("cv", [1, 0, 2.5, "all"]),
    ("early_stopping", ["yes", None, 2]),
    ("validation_fraction", [0, 1, -0.1, 1.5, np.nan]),
    ("n_iter_no_change", [0, 1.5]),
    ("tol", [-1e-9, np.inf, np.nan]),
    ("warm_start", ["yes", None]),
    ("whiten", ["yes", None]),
    ("device", [None, 0]),
    ("callbacks", [3, "all"]),
    ("random_state", ["seed", 1.5]),
    ("verbose", [-1, "loud"]),
]
BAD_ROWS = {
    "column of NaN": (
        [[1.0, np.nan], [2.0, np.nan]],
        "X has 1 columns in which every value is missing (columns 1)",
    ),
    "row of NaN": (
        [[1.0, 2.0], [np.nan, np.nan], [2.0, 3.0]],
        "X has 1 rows in which every value is missing (rows 1)",
    ),
    "infinity": ([[1.0, np.inf], [2.0, 3.0]], "contains infinity"),
    "one dimension": ([1.0, 2.0, 3.0], "Expected 2D array, got 1D array"),
    "three dimensions": (np.zeros((2, 2, 2)), "with dim 3"),
    "no columns": (np.zeros((3, 0)), "0 feature(s)"),
    "one row": ([[1.0, 2.0]], "minimum of 2 is required by AutoencoderTransformer"),
    "no rows": (np.zeros((0, 2)), "minimum of 2 is required"),
    "text": ([["a", "b"], ["c", "d"]], "could not convert string to float"),
    "complex": (np.full((2, 2), 1j), "Complex data not supported"),
}


def flatten(cases):
    return [(name, value) for name, values in cases for value in values]


def state(model):
    """Fitted attributes; the same objects as long as nothing is fitted anew."""
    names = [n for n in vars(model) if n.endswith("_") or n == "_fit_result"]
    return {name: getattr(model, name) for name in names}


def assert_unfitted(model):
    assert state(model) == {}
    assert not model.__sklearn_is_fitted__()


@pytest.mark.parametrize(("name", "value"), flatten(BAD_PARAMETERS))
def test_bad_parameter_is_named(quick, linear, name, value):
    model = quick(**{"early_stopping": True, name: value})
    message = rf"The '{name}' parameter of AutoencoderTransformer must be .*Got "
    with pytest.raises(ValueError, match=message + re.escape(repr(value))):
        model.fit(linear)
    assert_unfitted(model)


@pytest.mark.parametrize(
    "sizes",
    [(0,), (8, -1), [1.5], (8.0,), ("8",), [[3]], (None,), (True,), {8: 1}],
    ids=repr,
)
def test_bad_width_of_a_layer_is_shown(quick, linear, sizes):
    message = f"hidden_layer_sizes={sizes!r} must hold integers of at least 1, "
    model = quick(hidden_layer_sizes=sizes)
    with pytest.raises(ValueError, match=re.escape(message)):
        model.fit(linear)
    assert_unfitted(model)


@pytest.mark.parametrize(("n_samples", "n_components"), [(60, 7), (4, 5), (2, 3)])
def test_more_codes_than_pca_can_have_are_refused(
    quick, linear, n_samples, n_components
):
    model = quick(n_components)
    message = (
        f"n_components={n_components} must be at most min(n_samples, n_features)="
        f"{min(n_samples, 6)} with init='pca', as in PCA, where n_samples counts the "
        "rows to train on. Lower it, or set init='random'."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        model.fit(linear[:n_samples])
    assert_unfitted(model)


def test_more_codes_than_rows_left_by_early_stopping_are_refused(quick, curved):
    model = quick(5, early_stopping=True, validation_fraction=0.4)
    with pytest.raises(ValueError, match=re.escape("n_components=5 ")):
        model.fit(curved[:6])
    assert_unfitted(model)


@pytest.mark.parametrize(
    ("cv", "n_samples", "n_left", "n_components"),
    [(61, 60, 59, 2), (2, 3, 1, 1), (2, 9, 4, 4), (3, 2, 1, 1), (10**9, 60, 59, 2)],
)
def test_folds_that_leave_too_few_rows_are_refused(
    quick, linear, cv, n_samples, n_left, n_components
):
    model = quick(n_components, cv=cv)
    message = (
        f"cv={cv} leaves {n_left} of {n_samples} samples to train on, but more than "
        f"the {n_components} codes are needed, and no more folds than samples. Change "
        "cv, lower n_components or set cv=None."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        model.fit(linear[:n_samples])
    assert_unfitted(model)


@pytest.mark.parametrize("share", [0.1, 0.9])
def test_share_of_variance_needs_the_start_from_pca(quick, linear, share):
    model = quick(share, init="random")
    message = (
        f"n_components={share} is a share of the variance, which needs init='pca'. "
        "Give the number of codes as an int."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        model.fit(linear)
    assert_unfitted(model)


def test_text_is_refused_with_its_cure(quick):
    rows = [["red", 1.0], ["blue", 2.0], ["red", 3.0]]
    message = r"could not convert string to float: 'red'\. .*make_pipeline\(TableEnc"
    with pytest.raises(ValueError, match=message):
        quick().fit(rows)


@pytest.mark.parametrize("device", ["gpu", "", "cuda:99", "cpu:x"])
def test_device_that_is_not_there_is_named(quick, linear, device):
    model = quick(device=device)
    with pytest.raises(
        ValueError,
        match=re.escape(f"device={device!r} cannot be used here (")
        + r"(?s:.)*"
        + re.escape(
            "Choose 'auto', 'cpu' or a device that torch offers on this machine, such "
            "as 'cuda'."
        ),
    ):
        model.fit(linear)
    assert_unfitted(model)


@pytest.mark.parametrize(
    ("callbacks", "shown"),
    [([int], int), ([None], None), (("name", 3), "name"), ([("name", 3)], ("name", 3))],
)
def test_callback_of_another_kind_is_shown(quick, linear, callbacks, shown):
    model = quick(callbacks=callbacks)
    message = (
        f"callbacks holds {shown!r}, but each entry must be an instance of "
        "skorch.callbacks.Callback or a pair of a name and one."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        model.fit(linear)
    assert_unfitted(model)


@pytest.mark.parametrize("rows", BAD_ROWS)
def test_bad_rows_are_refused(quick, rows):
    X, message = BAD_ROWS[rows]
    model = quick(1)
    with pytest.raises(ValueError, match=re.escape(message)):
        model.fit(X)
    assert state(model) == {}


def test_rows_beyond_float64_arithmetic_are_refused(quick):
    X = np.array([[1.7e308, 1.0], [-1.7e308, 2.0], [1.7e308, 3.0], [1.7e308, 4.0]])
    model = quick(1)
    message = (
        "X contains values too large for float64 arithmetic: its centred columns "
        "overflow. Rescale X to a smaller range before fitting."
    )
    refused = pytest.raises(ValueError, match=re.escape(message))
    with np.errstate(all="ignore"), refused:
        model.fit(X)
    assert state(model) == {}


@pytest.mark.parametrize("learning_rate_init", [1e10, 1e30])
@pytest.mark.parametrize(
    "changes", [{}, {"cv": 2}, {"init": "random"}, {"early_stopping": True}], ids=str
)
def test_divergence_raises_with_advice(quick, curved, learning_rate_init, changes):
    model = quick(learning_rate_init=learning_rate_init, **changes)
    message = (
        r"Training diverged in epoch [1-4]: the loss is (nan|inf)\. "
        + re.escape(f"Lower learning_rate_init (now {learning_rate_init!r})")
        + " or scale X, for instance with StandardScaler"
    )
    with pytest.raises(ValueError, match=message):
        model.fit(curved)
    assert_unfitted(model)


@pytest.mark.parametrize("learning_rate_init", [1.0, 100.0, 1e4, 1e6, 1e8])
def test_fit_returns_finite_results_or_none(quick, curved, learning_rate_init):
    # Which rates are too high depends on the machine's rounding.
    model = quick(learning_rate_init=learning_rate_init, max_iter=1, batch_size=240)
    model.fit(curved)
    assert np.isfinite(model.transform(curved)).all()
    assert np.isfinite(model.score(curved))
    assert model.score(curved) >= model.pca_score_ - 1e-12


@pytest.mark.parametrize("shape", [(60, 3), (60, 7)])
def test_rows_of_another_width_are_refused(quick, linear, shape):
    model = quick().fit(linear)
    message = (
        f"X has {shape[1]} features, but AutoencoderTransformer is expecting 6 "
        "features as input"
    )
    for method in (model.transform, model.score, model.score_samples):
        with pytest.raises(ValueError, match=re.escape(message)):
            method(np.zeros(shape))


@pytest.mark.parametrize("width", [1, 3, 6])
def test_codes_of_another_width_are_refused(quick, linear, width):
    model = quick(2).fit(linear)
    message = (
        f"X has {width} codes in each row, but this AutoencoderTransformer has "
        "n_components_=2."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        model.inverse_transform(np.zeros((4, width)))


def test_infinity_is_refused_after_the_fit(quick, linear):
    model = quick(2).fit(linear)
    X = linear[:3].copy()
    X[1, 1] = np.inf
    for method in (model.transform, model.score, model.score_samples):
        with pytest.raises(ValueError, match="contains infinity"):
            method(X)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_codes_have_to_be_finite(quick, linear, bad):
    codes = np.array([[0.0, 0.0], [0.0, bad]])
    with pytest.raises(ValueError, match=r"contains (NaN|infinity)"):
        quick(2).fit(linear).inverse_transform(codes)


@pytest.mark.parametrize(
    "method", ["transform", "inverse_transform", "score", "score_samples"]
)
def test_methods_need_a_fit(quick, linear, method):
    message = "This AutoencoderTransformer instance is not fitted yet."
    with pytest.raises(NotFittedError, match=re.escape(message)):
        getattr(quick(), method)(linear)


def test_feature_names_need_a_fit(quick):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        quick().get_feature_names_out()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_overflow_on_the_way_is_an_error(quick, linear, dtype):
    # Along a component the products overflow and nothing else does.
    model = quick(hidden_layer_sizes=()).fit(1e-3 * (linear - linear.mean(axis=0)))
    direction = np.sign(model.feature_contributions_[:1])
    X = (direction * np.finfo(dtype).max * 0.99).astype(dtype)
    message = (
        f"The result overflows {np.dtype(dtype)}: the input holds finite values that "
        "are too large in comparison with the training data. Check their scale, or "
        "pass float64."
    )
    for method in (model.transform, model.score, model.score_samples):
        refused = pytest.raises(ValueError, match=re.escape(message))
        with np.errstate(all="ignore"), refused:
            method(X)


def test_overflow_of_a_reconstruction_is_an_error(quick, linear):
    model = quick(2, hidden_layer_sizes=(), whiten=True).fit(100 * linear)
    codes = np.full((1, 2), 3e38, dtype=np.float32)
    refused = pytest.raises(ValueError, match=re.escape("The result overflows float32"))
    with np.errstate(all="ignore"), refused:
        model.inverse_transform(codes)


BEYOND_FLOAT64 = (
    "Squared errors are beyond float64, as they are in squared units of X. Rescale X "
    "before fitting, for instance with StandardScaler."
)


@pytest.mark.parametrize("factor", [1.0, 1e200], ids=["far row", "large table"])
def test_squared_errors_beyond_float64_are_an_error(quick, linear, factor):
    model = quick(2, hidden_layer_sizes=()).fit(factor * linear)
    with pytest.raises(ValueError, match=re.escape(BEYOND_FLOAT64)):
        model.score_samples(np.full((1, 6), 1e200))


def test_score_is_a_number_or_an_error(quick, linear):
    model = quick(2, hidden_layer_sizes=()).fit(linear)
    refused = pytest.raises(ValueError, match="The result overflows float64")
    with np.errstate(all="ignore"), refused:
        model.score(np.full((1, 6), 1e200))


@pytest.mark.parametrize(
    "noise",
    [("salt", 0.1), ("swap", 1.5), ("swap",), (), True, "swap", ("gaussian", np.inf)],
)
def test_bad_noise_is_named(quick, linear, noise):
    model = quick(noise=noise)
    message = re.escape(f"noise={noise!r} must be None, the standard deviation of")
    with pytest.raises(ValueError, match=message):
        model.fit(linear)
    assert_unfitted(model)
