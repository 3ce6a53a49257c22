"""What skorch's net is made to do in every step."""

import math

import numpy as np
import pytest
from skorch.callbacks import Callback, GradientNormClipping

from sklearn_ae._data import ENOUGH_ROWS
from sklearn_ae._training.callbacks import N_STEPS_RISING
from sklearn_ae._training.net import auto_batch_size


def test_automatic_batches_grow_with_the_rows():
    sizes = [auto_batch_size(n) for n in (2, 100, 1000, 2000, 10**4, 10**7)]
    assert sizes == sorted(sizes)
    assert 1 < sizes[0] < sizes[-1] < 10**4


class Rates(Callback):
    """Note the optimiser's settings and the number of rows before every step."""

    def __init__(self):
        self.rates, self.decays, self.sizes = [], [], []

    def on_batch_begin(self, net, batch=None, training=False, **kwargs):
        if training:
            (group,) = net.optimizer_.param_groups
            self.rates.append(group["lr"])
            self.decays.append(group["lr"] * group["weight_decay"])
            self.sizes.append(len(batch[0]))


@pytest.fixture
def rates():
    return Rates()


def test_rate_rises_to_its_peak_and_stays(quick, curved, rates):
    quick(callbacks=[rates], learning_rate_init=0.01, max_iter=10).fit(curved)
    assert len(rates.rates) == 10 * 8
    rising = 0.01 * np.arange(1, N_STEPS_RISING + 1) / N_STEPS_RISING
    staying = np.full(80 - N_STEPS_RISING, 0.01)
    np.testing.assert_allclose(rates.rates, np.concatenate([rising, staying]))


def test_weights_do_not_change_signs_by_decay(quick, curved, rates):
    """Beyond 1, what is taken off a weight is more than there is."""
    model = quick(3, callbacks=[rates], alpha=1000.0).fit(curved)
    assert max(rates.decays) == pytest.approx(1.0)
    assert model.score(curved) >= model.pca_score_


@pytest.mark.parametrize("alpha", [0.0, 0.5])
def test_weights_decay_for_each_code(quick, curved, rates, alpha):
    quick(3, callbacks=[rates], alpha=alpha).fit(curved)
    np.testing.assert_allclose(rates.decays, 3 * alpha * np.array(rates.rates))


def test_weight_decay_fades_as_rows_grow(quick, rates):
    X = np.random.default_rng(0).standard_normal((10_000, 3))
    quick(2, callbacks=[rates], alpha=0.5, max_iter=1).fit(X)
    np.testing.assert_allclose(rates.decays, np.array(rates.rates) / 4)


def test_automatic_epochs_of_a_large_table_draw_its_rows(quick, rates):
    X = np.random.default_rng(0).standard_normal((ENOUGH_ROWS + 3000, 3)) ** 2
    seen = set()

    class Draw(Callback):
        def on_batch_begin(self, net, batch=None, training=False, **kwargs):
            if training:
                seen.update(batch[0][:, 0].tolist())

    model = quick(callbacks=[rates, Draw()], max_iter="auto", cv="auto").fit(X)
    assert sum(rates.sizes) == model.n_iter_ * ENOUGH_ROWS
    # Some rows differ by less than float32 can tell.
    assert len(seen) == pytest.approx(len(X) - ENOUGH_ROWS // 4, abs=30)
    rates.sizes.clear()
    quick(callbacks=[rates], max_iter=2, cv="auto").fit(X)
    assert sum(rates.sizes) == 2 * (ENOUGH_ROWS + 3000 - ENOUGH_ROWS // 4)


@pytest.mark.parametrize("batch_size", [7, 32, 240, 500])
def test_batch_size_is_taken(quick, curved, rates, batch_size):
    quick(callbacks=[rates], batch_size=batch_size, max_iter=1).fit(curved)
    assert sum(rates.sizes) == 240
    assert max(rates.sizes) <= batch_size
    assert len(rates.sizes) == math.ceil(240 / batch_size)


def test_cross_validated_fit_ends_on_all_rows(quick, curved, rates):
    quick(callbacks=[rates], cv=2, max_iter=10).fit(curved)
    per_epoch = [sum(rates.sizes[: n + 1]) for n in range(len(rates.sizes))]
    assert per_epoch[-1] == 5 * 120 + 5 * 240
    assert 5 * 120 in per_epoch


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
