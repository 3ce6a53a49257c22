"""Training with cross-validation."""

from copy import deepcopy

import numpy as np
import pytest
from numpy.testing import assert_allclose
from skorch.callbacks import Callback

from sklearn_ae import AutoencoderTransformer


class Count(Callback):
    """Counts the batches that are trained on, and the ends of training."""

    def __init__(self):
        self.n_batches = self.n_ends = 0

    def on_train_end(self, net, **kwargs):
        self.n_ends += 1

    def on_batch_end(self, net, training=False, **kwargs):
        self.n_batches += training


def small(**changes):
    settings = {"hidden_layer_sizes": (8,), "random_state": 0, "device": "cpu"}
    return AutoencoderTransformer(2, **(settings | changes))


@pytest.mark.parametrize(("max_iter", "n_first"), [("auto", 18), (7, 4), (2, 1)])
def test_training_ends_where_the_folds_confirm_nothing(noise, max_iter, n_first):
    count = Count()
    model = small(max_iter=max_iter, callbacks=[count]).fit(noise)
    assert model.shrinkage_ == 0.0
    assert model.n_iter_ == len(model.loss_curve_) == n_first
    assert count.n_batches == 2 * n_first  # 40 of 60 rows in batches of 32
    assert count.n_ends == 1
    assert_allclose(model.score(noise), model.pca_score_, rtol=1e-12)


def test_training_goes_on_where_the_folds_confirm_something(curved):
    count = Count()
    model = small(max_iter=8, callbacks=[count]).fit(curved)
    assert model.shrinkage_ > 0.0
    assert model.n_iter_ == 8
    assert count.n_ends == 1


def test_bar_ends_where_the_folds_confirm_nothing(noise, capsys):
    small(max_iter=6, verbose=1).fit(noise)
    assert "9/9" in capsys.readouterr().err  # half of the epochs for each fold


def test_confirmed_factor_that_all_rows_deny_is_zero(noise, monkeypatch):
    """The training rows have the last word: what is worse than PCA there is PCA."""
    monkeypatch.setattr(
        "sklearn_ae._fit.train.cross_validated_shrinkage",
        lambda *args: 1.0,
    )
    monkeypatch.setattr("sklearn_ae._fit.train._improve", spoil)
    monkeypatch.setattr("sklearn_ae._fit.train._refit", lambda *args: False)
    model = small(max_iter=4).fit(noise)
    assert model.shrinkage_ == 0.0
    assert_allclose(model.score(noise), model.pca_score_, rtol=1e-12)


def spoil(problem, net, n_epochs):
    net.module_.network.decoder.curved[-1].bias.data += 100.0


def test_correction_is_shrunk_by_what_the_folds_confirm(curved, monkeypatch):
    steps = {}
    for factor in (1.0, 0.5):
        monkeypatch.setattr(
            "sklearn_ae._fit.train.cross_validated_shrinkage",
            lambda *args, factor=factor: factor,
        )
        model = small(max_iter=8, transform_max_iter=0).fit(curved)
        assert model.shrinkage_ == factor
        steps[factor] = model.net_.module_.residual_scale.numpy()
    assert_allclose(steps[0.5], 0.5 * steps[1.0], rtol=1e-6)
    assert np.all(steps[1.0] > 0)


class Restore(Callback):
    """Goes back to the PCA of the first epoch when training ends."""

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == 1:
            state = deepcopy(net.module_.state_dict())
            self.state = {n: part for n, part in state.items() if "network" not in n}

    def on_train_end(self, net, **kwargs):
        net.module_.load_state_dict(self.state, strict=False)


def test_pca_of_all_rows_stays_where_a_callback_restores_another(curved, monkeypatch):
    """The first epoch corrects that of the rows without a fold."""
    monkeypatch.setattr(
        "sklearn_ae._fit.train.cross_validated_shrinkage",
        lambda *args: 1.0,
    )
    model = small(max_iter=8, callbacks=[Restore()]).fit(curved)
    module, start = model.net_.module_, model._fit_result.start
    assert model.shrinkage_ == 1.0
    assert_allclose(module.residual_scale, start.residual_scale, rtol=1e-6)


@pytest.mark.parametrize("transform_max_iter", [0, 2])
def test_folds_see_what_the_fit_will_be(curved, monkeypatch, transform_max_iter):
    """Their networks are refitted, and their codes take the steps of transform."""
    n_refitted, seen = [], []

    def refit(problem, module, rows):
        n_refitted.append(len(rows))
        return True

    def shrinkage(held_out, objective):
        seen.extend(held_out)
        return 1.0

    monkeypatch.setattr("sklearn_ae._fit.train._refit", refit)
    monkeypatch.setattr("sklearn_ae._fit.train.cross_validated_shrinkage", shrinkage)
    model = small(max_iter=4, transform_max_iter=transform_max_iter).fit(curved)
    assert n_refitted == [160, 160, 160, 240]
    steps = [getattr(one.module.steps, "n_steps", 0) for one in seen]
    assert steps == [transform_max_iter] * 3
    assert [len(one.rows()) for one in seen] == [80] * 3
    assert model.net_.is_refitted
