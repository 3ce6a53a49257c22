"""Callbacks of a fit, and skorch's beside them."""

from copy import deepcopy
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from skorch.callbacks import (
    Callback,
    Checkpoint,
    EpochScoring,
    ProgressBar,
    TrainEndCheckpoint,
)

from sklearn_ae._training.callbacks import POWER, AveragedWeights, FirstStep


class Weights(Callback):
    """Note the weights before every step, and those in evaluation after each epoch."""

    def __init__(self):
        self.stepping, self.shown = [], []

    def on_batch_begin(self, net, training=False, **kwargs):
        if training:
            self.stepping.append(weights_of(net))

    def on_epoch_end(self, net, **kwargs):
        self.shown.append(weights_of(net))


def weights_of(net):
    return net.module_.network.decoder.curved[-1].weight.detach().clone().double()


def averaged(*shown_after):
    """Average weights that are the number of steps taken, shown after some steps."""
    module, callback = torch.nn.Linear(1, 1, bias=False), AveragedWeights()
    torch.nn.init.zeros_(module.weight)
    callback.on_train_begin(SimpleNamespace(module_=module))
    found = []
    for step in range(1, max(shown_after) + 1):
        callback.on_batch_begin(None, training=True)
        assert module.weight.item() == step - 1
        with torch.no_grad():
            module.weight += 1
        if step in shown_after:
            callback.show(averages=True)
            found.append(module.weight.item())
    return found


def test_one_step_is_its_own_average():
    assert averaged(1) == [1.0]


def test_last_steps_count_more_in_averages():
    """In the limit the average of t with the weight t**POWER."""
    n_steps = 1000
    expected = n_steps * (POWER + 1) / (POWER + 2)
    assert averaged(n_steps)[0] == pytest.approx(expected, rel=0.01)
    often = averaged(*range(1, n_steps + 1))
    assert often[-1] == pytest.approx(expected, rel=0.01)


def test_callbacks_find_averages_after_each_epoch(quick, curved):
    noted = Weights()
    quick(callbacks=[noted], max_iter=3).fit(curved)
    assert not torch.allclose(noted.shown[-1], noted.stepping[-1], rtol=1e-3)


def test_steps_go_on_from_their_own_weights(quick, curved):
    """What is shown between epochs changes nothing."""
    shown, left_alone = Weights(), Weights()
    left_alone.on_epoch_end = lambda net, **kwargs: None
    for noted in (shown, left_alone):
        quick(callbacks=[noted], max_iter=3).fit(curved)
    assert_array_equal(torch.stack(shown.stepping), torch.stack(left_alone.stepping))


def test_average_is_exact_for_weights_that_stay(quick, curved):
    noted = Weights()
    quick(callbacks=[noted], max_iter=2, learning_rate_init=1e-30).fit(curved)
    np.testing.assert_allclose(noted.shown[-1], noted.stepping[0], atol=1e-25)


def test_best_weights_are_those_of_the_best_epoch(quick, curved):
    kept = []

    class Keep(Callback):
        def on_epoch_end(self, net, **kwargs):
            kept.append(deepcopy(net.module_.state_dict()))

    model = quick(
        callbacks=[Keep()], early_stopping=True, max_iter=200, n_iter_no_change=3
    ).fit(curved)
    best = int(np.argmin(model.validation_loss_curve_))
    assert best < len(kept) - 1
    for name, value in model.net_.module_.named_parameters():
        np.testing.assert_array_equal(value.float(), kept[best][name])


def test_no_first_step_is_taken_along_rounding_errors():
    whole, rounding = (torch.nn.Parameter(torch.ones(3)) for _ in range(2))
    callback = FirstStep()
    callback.on_train_begin(None)
    kept = []
    for _ in range(2):
        whole.grad, rounding.grad = torch.full((3,), 0.1), torch.full((3,), 1e-8)
        named = [("whole", whole), ("rounding", rounding)]
        callback.on_grad_computed(None, named_parameters=iter(named))
        kept.append((float(whole.grad.sum()), float(rounding.grad.sum())))
    assert kept[0] == (pytest.approx(0.3), 0.0)
    assert kept[1] == (pytest.approx(0.3), pytest.approx(3e-8))


@pytest.mark.parametrize("changes", [{}, {"noise": 0.1}, {"module": "own"}], ids=str)
def test_encoder_of_clean_rows_waits_for_the_decoder(quick, curved, changes):
    class Own(torch.nn.Module):
        def __init__(self, n_features, n_components):
            super().__init__()
            self.encode = torch.nn.Linear(n_features, n_components)
            self.decode = torch.nn.Linear(n_components, n_features)

    class Keep(Callback):
        """Note which weights have moved after the first step."""

        def on_batch_begin(self, net, training=False, **kwargs):
            self.before = deepcopy(net.module_.network.state_dict())

        def on_batch_end(self, net, training=False, **kwargs):
            if training and not hasattr(self, "moved"):
                state = net.module_.network.state_dict()
                self.moved = {
                    name[:7]
                    for name in state
                    if (state[name] != self.before[name]).any()
                }

    keep = Keep()
    changes = {
        name: Own if value == "own" else value for name, value in changes.items()
    }
    quick(max_iter=1, alpha=0, callbacks=[keep], **changes).fit(curved)
    expected = {"decoder", "encoder"} if "noise" in changes else {"decoder"}
    assert keep.moved == expected


@pytest.mark.parametrize("changes", [{"early_stopping": True}, {"cv": 3}, {}], ids=str)
def test_checkpoints_of_skorch_are_written(quick, curved, tmp_path, changes):
    parts = {"f_optimizer": None, "f_criterion": None, "dirname": tmp_path}
    monitor = "valid_loss_best" if "early_stopping" in changes else "train_loss_best"
    best = Checkpoint(monitor, f_params="best.pt", f_history="best.json", **parts)
    last = TrainEndCheckpoint(f_params="last.pt", f_history="last.json", **parts)
    model = quick(callbacks=[best, last], max_iter=6, **changes).fit(curved)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"best.pt", "best.json", "train_end_last.pt", "train_end_last.json"}
    weights = torch.load(tmp_path / "train_end_last.pt")
    network = model.net_.module_.network.state_dict()
    if "cv" not in changes:  # else a refit follows
        for name, value in network.items():
            assert_array_equal(value.float(), weights[f"network.{name}"])


def test_progress_bar_of_skorch_shows_the_losses_of_batches(quick, curved):
    bar = ProgressBar(batches_per_epoch=8)
    quick(callbacks=[bar], max_iter=2).fit(curved)
    assert bar.pbar_.n == 8
    assert "train_loss=" in bar.pbar_.postfix


@pytest.mark.parametrize("heard", [False, True])
def test_history_holds_the_last_batch_of_each_epoch(quick, curved, heard):
    class Hear(Callback):
        def on_batch_end(self, net, training=False, loss=None, **kwargs):
            batch = net.history[-1, "batches", -1]
            if training:
                assert batch["train_loss"] == loss.item()

    callbacks = [Hear()] if heard else []
    model = quick(callbacks=callbacks, early_stopping=True, max_iter=2).fit(curved)
    for epoch in model.net_.history:
        (batch,) = epoch["batches"]
        assert batch["train_batch_size"] in (30, 31)
        assert batch["valid_batch_size"] == 24
        assert batch["valid_loss"] == pytest.approx(epoch["valid_loss"])


def test_scores_of_epochs_see_rows_as_targets(quick, curved):
    shapes = []

    def note(net, X, y):
        shapes.append(np.shape(y))
        return 0.0

    scoring = EpochScoring(note, name="noted")
    quick(callbacks=[scoring], early_stopping=True, max_iter=2).fit(curved)
    assert shapes == [(24, 12)] * 2
