"""Same seed, same result, and nothing of the caller's is touched."""

import pickle
import random
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from skorch.callbacks import Callback

CONFIGURATIONS = [
    {},
    {"cv": 2, "max_iter": 10},
    {"early_stopping": True},
    {"init": "random"},
    {"nested_dropout": 0.5},
    {"batch_size": "auto", "cv": "auto", "max_iter": 10},
]


class AtStart(Callback):
    """Call a function when training begins."""

    def __init__(self, function):
        self.function = function

    def on_train_begin(self, net, **kwargs):
        self.function()


def outcome(model, X):
    """Everything a fit has found, as bytes."""
    found = [
        model.transform(X),
        model.inverse_transform(model.transform(X)),
        model.transform(X.astype(np.float32)),
        np.array(model.loss_curve_),
        np.array(model.validation_loss_curve_ or ()),
        model.explained_variance_ratio_,
        np.array([model.best_loss_, model.pca_score_, model.shrinkage_]),
    ]
    return [part.tobytes() for part in found]


@pytest.fixture(params=CONFIGURATIONS, ids=str)
def build(request, quick):
    """Return a factory of estimators in one of several configurations."""
    return lambda **changes: quick(2, **{**request.param, **changes})


@pytest.fixture
def global_state():
    """Return a function that reads the global state a fit could touch."""

    def read():
        return (
            torch.get_rng_state().numpy().tobytes(),
            pickle.dumps(np.random.get_state()),  # noqa: NPY002
            random.getstate(),
            torch.get_default_dtype(),
            torch.is_grad_enabled(),
            torch.is_inference_mode_enabled(),
            torch.are_deterministic_algorithms_enabled(),
        )

    return read


@pytest.fixture
def double_precision():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def test_same_seed_gives_the_same_bits(build, curved):
    first, second = (outcome(build().fit(curved), curved) for _ in range(2))
    assert first == second


def test_refit_gives_the_same_bits(build, curved):
    model = build().fit(curved)
    first = outcome(model, curved)
    assert outcome(model.fit(curved), curved) == first


def test_different_seeds_differ(build, curved):
    codes = [build(random_state=seed).fit_transform(curved) for seed in range(3)]
    for first, second in [(0, 1), (0, 2), (1, 2)]:
        assert np.abs(codes[first] - codes[second]).max() > 1e-6


def test_random_state_instance_is_consumed(quick, curved):
    generator = np.random.RandomState(5)
    first = quick(random_state=generator).fit_transform(curved)
    second = quick(random_state=generator).fit_transform(curved)
    again = quick(random_state=np.random.RandomState(5)).fit_transform(curved)
    assert np.abs(first - second).max() > 1e-6
    assert_array_equal(first, again)


def test_without_random_state_the_seed_of_numpy_decides(quick, curved):
    codes = []
    for seed in (1, 1, 2):
        np.random.seed(seed)  # noqa: NPY002
        codes.append(quick(random_state=None).fit_transform(curved))
    assert_array_equal(codes[0], codes[1])
    assert np.abs(codes[0] - codes[2]).max() > 1e-6


def test_without_random_state_two_fits_differ(quick, curved):
    first, second = (quick(random_state=None).fit_transform(curved) for _ in range(2))
    assert np.abs(first - second).max() > 1e-6


def test_global_state_is_untouched(build, curved, global_state):
    before = global_state()
    model = build().fit(curved)
    model.inverse_transform(model.transform(curved))
    model.score_samples(curved)
    assert global_state() == before


def test_global_state_is_untouched_by_a_failed_fit(quick, curved, global_state):
    before = global_state()
    with pytest.raises(ValueError, match="Training diverged"):
        quick(learning_rate_init=1e30).fit(curved)
    assert global_state() == before


def test_seed_of_torch_does_not_matter(build, curved):
    torch.manual_seed(1)
    first = outcome(build().fit(curved), curved)
    torch.manual_seed(2)
    assert outcome(build().fit(curved), curved) == first


def test_fits_in_threads_equal_the_serial_ones(build, curved, global_state):
    serial = [outcome(build(random_state=k).fit(curved), curved) for k in range(3)]
    before = global_state()
    with ThreadPoolExecutor(3) as pool:
        fits = list(pool.map(lambda k: build(random_state=k).fit(curved), range(3)))
    assert [outcome(model, curved) for model in fits] == serial
    assert global_state() == before


def test_fits_in_threads_equal_the_serial_ones_at_two_threads(
    quick, curved, two_threads
):
    def fit(seed):
        # Threads set their own count, as users of a pool do.
        torch.set_num_threads(2)
        model = quick(random_state=seed, hidden_layer_sizes=(128,)).fit(curved)
        return outcome(model, curved), torch.get_num_threads()

    serial = [fit(seed) for seed in range(3)]
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(fit, range(3))) == serial


def test_threads_can_share_one_fitted_estimator(quick, curved):
    model = quick().fit(curved)
    expected = model.transform(curved), model.score(curved)
    with ThreadPoolExecutor(4) as pool:
        codes = list(pool.map(lambda _: model.transform(curved), range(8)))
        scores = list(pool.map(lambda _: model.score(curved), range(8)))
    for code in codes:
        assert_array_equal(code, expected[0])
    assert scores == [expected[1]] * 8


def test_thread_count_is_restored(quick, curved, two_threads):
    counts = []
    note = AtStart(lambda: counts.append(torch.get_num_threads()))
    quick(callbacks=[note]).fit(curved)
    assert counts == [1]
    assert torch.get_num_threads() == 2


def test_thread_count_is_restored_after_a_failed_fit(quick, curved, two_threads):
    with pytest.raises(ValueError, match="Training diverged"):
        quick(learning_rate_init=1e30).fit(curved)
    assert torch.get_num_threads() == 2


def test_thread_count_survives_a_fit_that_ends_before_another(
    quick, curved, two_threads
):
    running, done = threading.Event(), threading.Event()

    def hold():
        running.set()
        done.wait(5)

    held = quick(callbacks=[AtStart(hold)])
    other = threading.Thread(target=held.fit, args=(curved,))

    def start_other():
        other.start()
        running.wait(5)

    quick(callbacks=[AtStart(start_other)]).fit(curved)
    done.set()
    other.join()
    assert torch.get_num_threads() == 2
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(torch.get_num_threads).result() == 2


def test_every_thread_trains_on_one_thread(quick, curved, two_threads):
    """Also one that has set its own count before another fit began."""
    ready, running, counts = threading.Event(), threading.Event(), []
    note = AtStart(lambda: counts.append(torch.get_num_threads()))

    def work():
        torch.set_num_threads(2)
        ready.set()
        running.wait(5)
        quick(callbacks=[note]).fit(curved)
        counts.append(torch.get_num_threads())

    worker = threading.Thread(target=work)
    worker.start()
    ready.wait(5)

    def let_it_run():
        running.set()
        worker.join()

    quick(callbacks=[AtStart(let_it_run)]).fit(curved)
    assert counts == [1, 2]


def test_inference_mode_changes_nothing(build, curved):
    expected = outcome(build().fit(curved), curved)
    with torch.inference_mode():
        model = build().fit(curved)
        assert torch.is_inference_mode_enabled()
    assert outcome(model, curved) == expected


def test_disabled_gradients_change_nothing(build, curved):
    expected = outcome(build().fit(curved), curved)
    with torch.no_grad():
        model = build().fit(curved)
        assert not torch.is_grad_enabled()
    assert outcome(model, curved) == expected


def test_grad_mode_is_restored_after_a_failed_fit(quick, curved):
    model = quick(learning_rate_init=1e30)
    with torch.no_grad():
        with pytest.raises(ValueError, match="Training diverged"):
            model.fit(curved)
        assert not torch.is_grad_enabled()


def test_transform_leaves_no_gradient_behind(quick, curved):
    model = quick().fit(curved)
    with torch.enable_grad():
        model.transform(curved)
    assert not any(p.requires_grad for p in model.net_.module_.parameters())


def test_estimator_fitted_in_inference_mode_can_go_on(quick, curved):
    with torch.inference_mode():
        model = quick(warm_start=True).fit(curved)
    before = model.best_loss_
    assert model.fit(curved).best_loss_ <= before


@pytest.mark.usefixtures("double_precision")
def test_default_dtype_changes_nothing(build, curved):
    in_double = outcome(build().fit(curved), curved)
    assert torch.get_default_dtype() == torch.float64
    torch.set_default_dtype(torch.float32)
    assert outcome(build().fit(curved), curved) == in_double


def test_folds_are_the_same_for_the_same_seed_only(quick, curved):
    fits = [quick(cv=2, max_iter=8, random_state=n).fit(curved) for n in (0, 0, 1)]
    first, second, other = (outcome(fit, curved) for fit in fits)
    assert first == second != other


@pytest.mark.parametrize("mode", ["autocast", "default device"])
def test_modes_of_the_caller_do_not_matter(quick, curved, mode):
    modes = {
        "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
        "default device": lambda: torch.device("meta"),
    }
    expected = quick(cv=3).fit(curved)
    codes = expected.transform(curved)
    with modes[mode]():
        model = quick(cv=3).fit(curved)
        found = model.transform(curved)
        rows = model.inverse_transform(found)
        score = model.score(curved)
    assert_array_equal(found, codes)
    assert_array_equal(rows, expected.inverse_transform(codes))
    assert score == expected.score(curved)
