"""Batches, schedule, devices and threads; what skorch is made to do."""

import math
import re
from copy import deepcopy

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback, EarlyStopping, GradientNormClipping
from torch.utils.data import TensorDataset

from sklearn_ae._model.threads import one_thread
from sklearn_ae._training.batches import ResidentBatches
from sklearn_ae._training.callbacks import one_cycle
from sklearn_ae._training.net import (
    auto_batch_size,
    check_callback,
    resolve_device,
)


@pytest.fixture
def dataset():
    return TensorDataset(torch.arange(23.0)[:, None])


def batches_of(dataset, batch_size, seed=None):
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    return ResidentBatches(dataset, batch_size, generator)


@pytest.mark.parametrize("batch_size", [1, 5, 8, 22, 23, 1000])
@pytest.mark.parametrize("seed", [None, 0])
def test_batches_hold_every_row_once(dataset, batch_size, seed):
    batches = [x for x, _ in batches_of(dataset, batch_size, seed)]
    assert sorted(torch.cat(batches).ravel().tolist()) == list(range(23))
    sizes = [len(x) for x in batches]
    assert max(sizes) <= batch_size
    assert max(sizes) - min(sizes) <= 1
    assert len(sizes) == math.ceil(23 / batch_size)


def test_input_is_its_own_target(dataset):
    assert all(x is target for x, (target,) in batches_of(dataset, 5, seed=0))


@pytest.mark.parametrize("seed", [None, 0])
def test_weights_stay_with_their_rows(seed):
    dataset = TensorDataset(torch.arange(23.0)[:, None], 10 * torch.arange(23.0))
    for x, (target, weight) in batches_of(dataset, 5, seed):
        assert x is target
        assert torch.equal(weight, 10 * x[:, 0])


def test_rows_keep_their_order_without_a_generator(dataset):
    rows = torch.cat([x for x, _ in batches_of(dataset, 5)])
    assert rows.ravel().tolist() == list(range(23))


def test_every_pass_takes_a_new_permutation_from_the_generator(dataset):
    first, again = (batches_of(dataset, 5, seed=1) for _ in range(2))
    passes = [torch.cat([x for x, _ in first]).ravel().tolist() for _ in range(3)]
    repeated = [torch.cat([x for x, _ in again]).ravel().tolist() for _ in range(3)]
    assert passes == repeated
    assert len({tuple(order) for order in passes}) == 3


def test_batches_draw_nothing_from_the_global_generator(dataset):
    before = torch.get_rng_state()
    list(batches_of(dataset, 5, seed=1))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_nested_dropout_cuts_the_codes_of_some_rows(share):
    dataset = TensorDataset(torch.arange(4000.0)[:, None])
    generator = torch.Generator().manual_seed(0)
    batches = ResidentBatches(dataset, 500, generator, 6, share)
    parts = [x if isinstance(x, dict) else {"x": x} for x, _ in batches]
    targets = [target for _, target in batches_of(dataset, 500)]
    assert sum(len(part["x"]) for part in parts) == sum(len(x) for (x,) in targets)
    whole = torch.full((500, 1), 6.0)
    n_kept = torch.cat([part.get("n_kept", whole) for part in parts]).ravel()
    assert set(n_kept.tolist()) <= {1.0, 2.0, 3.0, 4.0, 5.0, 6.0}
    assert abs(float((n_kept < 6).double().mean()) - share) < 0.03


@pytest.mark.parametrize("n_steps", [1, 2, 9, 10, 100, 1237])
def test_learning_rate_rises_to_its_peak_and_falls(n_steps):
    rates = np.array([one_cycle(step, n_steps) for step in range(n_steps)])
    peak = rates.argmax()
    assert rates[peak] == 1.0
    assert (np.diff(rates[: peak + 1]) > 0).all()
    assert (np.diff(rates[peak + 1 :]) < 0).all()
    assert (rates > 0).all()


def test_learning_rate_peaks_early_and_is_half_on_average():
    rates = np.array([one_cycle(step, 1000) for step in range(1000)])
    assert 50 <= rates.argmax() <= 200
    assert rates[-1] < 1e-4
    assert 0.48 < rates.mean() < 0.52


def test_automatic_batches_grow_with_the_rows():
    sizes = [auto_batch_size(n) for n in (2, 100, 1000, 2000, 10**4, 10**7)]
    assert sizes == sorted(sizes)
    assert 1 < sizes[0] < sizes[-1] < 10**4


def test_device_is_resolved_once():
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert resolve_device("auto") == expected
    assert resolve_device("cpu") == "cpu"


@pytest.mark.parametrize("named", [False, True])
def test_callbacks_of_skorch_are_taken(named):
    callback = EarlyStopping()
    check_callback(("stop", callback) if named else callback)


@pytest.mark.parametrize("callback", [EarlyStopping, "stop", ("stop", 3), (1, 2, 3)])
def test_other_callbacks_are_shown(callback):
    message = f"callbacks holds {callback!r}, but each entry must be an instance of "
    with pytest.raises(ValueError, match=re.escape(message)):
        check_callback(callback)


def test_one_thread_restores_the_count(two_threads):
    with one_thread():
        assert torch.get_num_threads() == 1
        with one_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2


def test_one_thread_restores_the_count_after_an_error(two_threads):
    with pytest.raises(RuntimeError, match="stop"), one_thread():
        raise RuntimeError("stop")
    assert torch.get_num_threads() == 2


class Rates(Callback):
    """Note the optimiser's settings before every step."""

    def __init__(self):
        self.rates, self.decays, self.sizes = [], [], []

    def on_batch_begin(self, net, batch=None, training=False, **kwargs):
        if training:
            (group,) = net.optimizer_.param_groups
            self.rates.append(group["lr"])
            self.decays.append(group["lr"] * group["weight_decay"])
            self.sizes.append(len(batch[0]))


class Gradients(Callback):
    """Note what is told of gradients and of the ends of batches."""

    def __init__(self):
        self.names, self.losses = [], []

    def on_grad_computed(self, net, named_parameters, training=False, **kwargs):
        assert training
        given = [name for name, value in named_parameters if value.grad is not None]
        self.names.append(given)

    def on_batch_end(self, net, training=False, loss=None, y_pred=None, **kwargs):
        self.losses.append((training, float(loss.detach()), len(y_pred[0])))


def test_callbacks_hear_of_every_batch(quick, curved):
    heard = Gradients()
    model = quick(callbacks=[heard], max_iter=2, early_stopping=True).fit(curved)
    assert len(heard.names) == 2 * 7
    assert all(names == heard.names[0] for names in heard.names)
    assert set(heard.names[0]) == {
        name for name, _ in model.net_.module_.named_parameters()
    }
    assert [training for training, _, _ in heard.losses] == 2 * (7 * [True] + [False])
    first = heard.losses[:7]
    mean = sum(loss * size for _, loss, size in first) / sum(n for *_, n in first)
    np.testing.assert_allclose(model.net_.history[0, "train_loss"], mean, rtol=1e-5)


def test_clipped_gradients_are_those_of_the_step(quick, curved):
    clipping = GradientNormClipping(1e-6)
    fits = [quick(callbacks=c, max_iter=2).fit(curved) for c in ([], [clipping])]
    assert fits[0].loss_curve_ != fits[1].loss_curve_


def test_best_weights_are_those_of_the_best_epoch(quick, curved):
    kept = []

    class Keep(Callback):
        def on_epoch_end(self, net, **kwargs):
            kept.append(deepcopy(net.module_.state_dict()))

    model = quick(
        callbacks=[Keep()], early_stopping=True, max_iter=12, learning_rate_init=0.1
    ).fit(curved)
    best = int(np.argmin(model.validation_loss_curve_))
    assert best < len(kept) - 1
    for name, value in model.net_.module_.named_parameters():
        np.testing.assert_array_equal(value.float(), kept[best][name])


@pytest.fixture
def rates():
    return Rates()


def test_steps_follow_the_schedule(quick, curved, rates):
    quick(callbacks=[rates], learning_rate_init=0.01, max_iter=5).fit(curved)
    assert len(rates.rates) == 5 * 8
    expected = [0.01 * one_cycle(step, 40) for step in range(40)]
    np.testing.assert_allclose(rates.rates, expected)


@pytest.mark.parametrize("batch_size", [7, 32, 240, 500])
def test_batch_size_is_taken(quick, curved, rates, batch_size):
    quick(callbacks=[rates], batch_size=batch_size, max_iter=1).fit(curved)
    assert sum(rates.sizes) == 240
    assert max(rates.sizes) <= batch_size
    assert len(rates.sizes) == math.ceil(240 / batch_size)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 3.0])
@pytest.mark.parametrize("changes", [{}, {"batch_size": 7}, {"max_iter": 9}], ids=str)
def test_weight_decay_is_that_of_a_whole_fit(quick, curved, rates, alpha, changes):
    quick(callbacks=[rates], alpha=alpha, **changes).fit(curved)
    np.testing.assert_allclose(sum(rates.decays), alpha, rtol=0.1)


@pytest.mark.parametrize("n_samples", [2500, 10_000])
def test_weight_decay_fades_as_rows_grow(quick, rates, n_samples):
    X = np.random.default_rng(0).standard_normal((n_samples, 3))
    quick(callbacks=[rates], alpha=2.0, max_iter=2).fit(X)
    np.testing.assert_allclose(sum(rates.decays), 2.0 * 2500 / n_samples, rtol=0.1)


def test_weight_decay_under_the_guard_is_that_of_a_whole_fit(quick, curved, rates):
    quick(callbacks=[rates], alpha=2.0, cv=2, max_iter=10).fit(curved)
    np.testing.assert_allclose(sum(rates.decays), 2.0, rtol=0.1)


def test_guarded_fit_ends_on_all_rows(quick, curved, rates):
    quick(callbacks=[rates], cv=2, max_iter=10).fit(curved)
    per_epoch = [sum(rates.sizes[: n + 1]) for n in range(len(rates.sizes))]
    assert per_epoch[-1] == 5 * 120 + 5 * 240
    assert 5 * 120 in per_epoch
