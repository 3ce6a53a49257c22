"""What a fit tells of itself, and what it prints."""

import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_less
from skorch.callbacks import Callback

CONFIGURATIONS = [
    {},
    {"cv": 2},
    {"cv": 3},
    {"early_stopping": True},
    {"init": "random"},
    {"init": "random", "early_stopping": True},
]


@pytest.fixture(params=CONFIGURATIONS, ids=str)
def build(request, quick):
    """Return a factory of estimators in one of several configurations."""
    return lambda **changes: quick(2, **{**request.param, **changes})


@pytest.mark.parametrize("max_iter", [1, 2, 5])
def test_every_epoch_has_a_loss(build, curved, max_iter):
    model = build(max_iter=max_iter).fit(curved)
    assert model.n_iter_ == max_iter
    assert len(model.loss_curve_) == max_iter
    assert np.isfinite(model.loss_curve_).all()
    assert len(model.net_.history) == max_iter


def test_validation_losses_are_there_with_early_stopping_only(quick, curved):
    without = quick().fit(curved)
    model = quick(early_stopping=True).fit(curved)
    assert without.validation_loss_curve_ is None
    assert len(model.validation_loss_curve_) == model.n_iter_
    assert np.isfinite(model.validation_loss_curve_).all()


def test_linear_autoencoder_has_an_empty_history(quick, curved):
    model = quick(hidden_layer_sizes=(), early_stopping=True).fit(curved)
    assert (model.n_iter_, model.loss_curve_) == (0, [])
    assert model.validation_loss_curve_ == []


def test_first_loss_is_that_of_pca(quick, curved):
    model = quick(learning_rate_init=1e-9, max_iter=1).fit(curved)
    assert_allclose(model.loss_curve_, [1 - model.pca_score_], rtol=1e-4)


def test_first_validation_loss_is_that_of_pca(quick, curved):
    model = quick(learning_rate_init=1e-9, early_stopping=True, max_iter=1).fit(curved)
    assert_allclose(model.validation_loss_curve_, [model.best_loss_], rtol=1e-4)


def test_loss_of_a_random_start_is_near_one(quick, curved):
    model = quick(init="random", learning_rate_init=1e-9, alpha=0, max_iter=1).fit(
        curved
    )
    assert_allclose(model.loss_curve_, [1 - model.score(curved)], rtol=1e-4)
    assert 0.8 < model.loss_curve_[0] < 1.3


def test_losses_fall(quick, curved):
    model = quick(max_iter=12).fit(curved)
    assert_array_less(np.diff(model.loss_curve_), 0.01)
    assert model.loss_curve_[-1] < 0.5 * model.loss_curve_[0]
    assert model.loss_curve_[0] < 1 - model.pca_score_


def test_best_loss_is_what_is_left_of_the_training_rows(quick, curved):
    for changes in ({}, {"init": "random"}, {"cv": 2}):
        model = quick(**changes).fit(curved)
        assert_allclose(model.best_loss_, 1 - model.score(curved), rtol=1e-9)


@pytest.mark.parametrize("cv", [None, 2, 3])
def test_last_loss_lies_above_the_best(quick, curved, cv, monkeypatch):
    # The loss of training is that of weights on their way, not of their averages, and
    # counts how far the codes have moved. A refit comes after.
    monkeypatch.setattr("sklearn_ae._fit.train._refit", lambda *args: False)
    model = quick(max_iter=60, cv=cv).fit(curved)
    assert model.best_loss_ < model.loss_curve_[-1] < 1.5 * model.best_loss_


def test_history_holds_the_last_batch_of_an_epoch(build, curved):
    history = build().fit(curved).net_.history
    assert [len(epoch["batches"]) for epoch in history] == [1] * len(history)
    batch = history[-1, "batches", -1]
    assert {"train_loss", "train_batch_size"} <= batch.keys()
    assert np.isfinite(batch["train_loss"])


def test_fit_is_silent_by_default(build, curved, capfd):
    build().fit(curved)
    assert capfd.readouterr() == ("", "")


def test_verbose_fit_shows_a_bar_with_losses(build, curved, capfd):
    model = build(verbose=1, max_iter=3).fit(curved)
    out, err = capfd.readouterr()
    assert out == ""
    last = err.splitlines()[-1]
    n_others = (model.cv or 1) - 1
    n_epochs = 3 + 2 * n_others  # half of the epochs for each fold
    assert f"{n_epochs}/{n_epochs}" in last
    assert f"train={model.loss_curve_[-1]:.3g}" in last
    validated = model.validation_loss_curve_ is not None
    assert ("valid=" in last) == validated
    if validated:
        assert f"valid={model.validation_loss_curve_[-1]:.3g}" in last
    assert f"PCA={1 - model.pca_score_:.3g}" in last


def test_bar_of_early_stopping_is_not_interrupted(quick, curved, capfd):
    rate = {"learning_rate_init": 10.0, "n_iter_no_change": 2, "max_iter": 20}
    model = quick(verbose=1, early_stopping=True, **rate).fit(curved)
    assert model.n_iter_ < 20
    assert capfd.readouterr().out == ""


def test_start_that_stays_best_is_pca_in_every_figure(quick, curved):
    rate = {"learning_rate_init": 10.0, "n_iter_no_change": 2}
    model = quick(early_stopping=True, **rate).fit(curved)
    assert model.shrinkage_ == 0.0
    assert model.best_loss_ == pytest.approx(1 - model.pca_score_, rel=1e-9)
    assert min(model.validation_loss_curve_) > model.best_loss_


def test_very_verbose_fit_prints_a_line_for_each_epoch(build, curved, capfd):
    model = build(verbose=2, max_iter=3).fit(curved)
    out, err = capfd.readouterr()
    epochs = [line.split()[0] for line in out.splitlines() if line.split()]
    assert [word for word in epochs if word.isdigit()] == ["1", "2", "3"]
    assert "train_loss" in out
    assert err == ""
    assert model.n_iter_ == 3


def test_lines_have_colours_in_a_terminal_alone(build, curved, capsys, monkeypatch):
    build(verbose=2, max_iter=2).fit(curved)
    plain = capsys.readouterr().out
    assert "train_loss" in plain
    assert "\x1b" not in plain
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    build(verbose=2, max_iter=2).fit(curved)
    assert "\x1b[36m" in capsys.readouterr().out


def test_bar_is_closed_where_training_fails(quick, curved, capfd):
    with pytest.raises(ValueError, match="Training diverged"):
        quick(verbose=1, learning_rate_init=1e38, max_iter=3).fit(curved)
    assert capfd.readouterr().err.endswith("\n")


def test_callbacks_are_called_in_every_epoch(build, curved):
    class Note(Callback):
        def __init__(self):
            self.epochs = []

        def on_epoch_end(self, net, **kwargs):
            self.epochs.append(net.history[-1, "train_loss"])

    first, second = Note(), Note()
    model = build(callbacks=(first, ("second", second))).fit(curved)
    assert len(first.epochs) == model.n_iter_
    assert first.epochs == second.epochs == model.net_.history[:, "train_loss"]
