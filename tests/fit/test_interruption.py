"""Ctrl-C ends a fit; early stopping only ends its training."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from skorch.callbacks import Callback, EarlyStopping


class Interrupt(Callback):
    """Raise what Ctrl-C raises, in one of skorch's events."""

    def __init__(self, event, after=2):
        self.after = after
        self.calls = 0
        setattr(self, event, self.interrupt)

    def interrupt(self, net, **kwargs):
        self.calls += 1
        if self.calls >= self.after:
            raise KeyboardInterrupt


@pytest.fixture
def interrupted_product(monkeypatch):
    """Return a function after which torch is interrupted in its n-th product."""

    def arm(n):
        product, calls = torch.nn.functional.linear, []

        def interrupted(*args):
            calls.append(1)
            if len(calls) == n:
                raise KeyboardInterrupt
            return product(*args)

        monkeypatch.setattr(torch.nn.functional, "linear", interrupted)

    return arm


@pytest.mark.parametrize(
    "event", ["on_batch_begin", "on_batch_end", "on_epoch_begin", "on_epoch_end"]
)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_interrupt_propagates_and_leaves_nothing(quick, curved, event, early_stopping):
    model = quick(early_stopping=early_stopping, callbacks=[Interrupt(event)])
    with pytest.raises(KeyboardInterrupt):
        model.fit(curved)
    assert not [name for name in vars(model) if name.endswith("_")]
    assert not model.__sklearn_is_fitted__()


@pytest.mark.parametrize("n", [1, 10, 40])
@pytest.mark.parametrize(
    "changes", [{}, {"cv": 2}, {"init": "random"}, {"early_stopping": True}], ids=str
)
def test_interrupt_within_torch_propagates(
    quick, curved, interrupted_product, changes, n
):
    model = quick(**changes)
    interrupted_product(n)
    with pytest.raises(KeyboardInterrupt):
        model.fit(curved)
    assert not [name for name in vars(model) if name.endswith("_")]


def test_interrupt_is_not_taken_for_early_stopping(quick, curved, interrupted_product):
    waiting = EarlyStopping(monitor="train_loss", patience=100)
    model = quick(callbacks=[waiting], max_iter=50)
    interrupted_product(400)
    with pytest.raises(KeyboardInterrupt):
        model.fit(curved)


def test_interrupted_refit_leaves_the_old_fit_as_it_was(
    quick, curved, interrupted_product
):
    model = quick().fit(curved)
    before, codes = dict(vars(model)), model.transform(curved)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.nn.functional, "linear", raise_interrupt)
        with pytest.raises(KeyboardInterrupt):
            model.fit(curved[:, :5])
    assert vars(model).keys() == before.keys()
    assert all(vars(model)[name] is before[name] for name in before)
    assert_array_equal(model.transform(curved), codes)


def raise_interrupt(*args):
    raise KeyboardInterrupt


def test_interrupted_fit_restores_the_global_state(quick, curved, two_threads):
    model = quick(callbacks=[Interrupt("on_batch_end")])
    with torch.no_grad():
        with pytest.raises(KeyboardInterrupt):
            model.fit(curved)
        assert not torch.is_grad_enabled()
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("cv", [None, 2])
def test_early_stopping_of_the_user_ends_training_quietly(quick, curved, capfd, cv):
    stopper = EarlyStopping(
        monitor="train_loss", patience=2, threshold=0.9, sink=lambda text: None
    )
    model = quick(callbacks=[("stop", stopper)], max_iter=40, cv=cv).fit(curved)
    assert 2 <= model.n_iter_ < 40
    assert len(model.loss_curve_) == model.n_iter_
    assert np.isfinite(model.transform(curved)).all()
    assert capfd.readouterr() == ("", "")


def test_early_stopping_ends_training_quietly(quick, curved, capfd):
    model = quick(early_stopping=True, tol=0.9, n_iter_no_change=3, max_iter=40).fit(
        curved
    )
    assert model.n_iter_ == 3
    assert capfd.readouterr() == ("", "")


def test_callbacks_do_not_see_the_folds(quick, curved):
    class Count(Callback):
        def __init__(self):
            self.epochs = self.fits = 0

        def on_train_begin(self, net, **kwargs):
            self.fits += 1

        def on_epoch_end(self, net, **kwargs):
            self.epochs += 1

    count = Count()
    model = quick(callbacks=[count], cv=3, max_iter=6).fit(curved)
    assert (count.fits, count.epochs) == (1, model.n_iter_)
