"""How many epochs a fit takes."""

import numpy as np
import pytest
from skorch.callbacks import Callback, EarlyStopping

from sklearn_ae import AutoencoderTransformer
from sklearn_ae._fit.cross_validation import Shrinkage
from sklearn_ae._fit.epochs import auto_max_iter, extension, most_epochs


@pytest.fixture
def confirmed(monkeypatch):
    """Let the folds confirm what a test wants them to confirm."""

    def give(factor, share_left):
        monkeypatch.setattr(
            "sklearn_ae._fit.train.cross_validated_shrinkage",
            lambda *args: Shrinkage(factor, share_left),
        )

    return give


def small(**changes):
    settings = {"hidden_layer_sizes": (8,), "random_state": 0, "device": "cpu"}
    return AutoencoderTransformer(2, **(settings | changes))


class Rates(Callback):
    """Notes the learning rate of each step."""

    def __init__(self):
        self.noted = []

    def on_batch_end(self, net, training=False, **kwargs):
        self.noted.append(net.optimizer_.param_groups[0]["lr"])


@pytest.mark.parametrize(
    ("n_samples", "n_epochs"),
    [(2, 32), (11_250, 32), (11_251, 31), (36_000, 10), (10**6, 10)],
)
def test_automatic_epochs_fall_with_the_rows(n_samples, n_epochs):
    assert auto_max_iter(n_samples) == n_epochs


@pytest.mark.parametrize(
    ("n_samples", "share_left", "times"),
    [
        (501, 0.98, 1.0),
        (501, 0.5, 1.0),
        (501, 0.25, 2.0),
        (9000, 0.0, 3.0),
        (500, 0.75, 2.0),
        (100, 0.5, 3.0),
        (100, 0.0, 3.0),
    ],
)
def test_what_bends_much_is_trained_longer(n_samples, share_left, times):
    assert extension(n_samples, share_left) == times


@pytest.mark.parametrize(
    ("factor", "share_left", "max_iter", "n_epochs"),
    [
        (1.0, 0.5, "auto", 16 + 48),
        (0.7, 0.75, "auto", 16 + 32),
        (0.0, 1.0, "auto", 16),
        (1.0, 0.5, 9, 9),
        (0.0, 1.0, 9, 5),
    ],
)
def test_only_automatic_epochs_follow_the_folds(
    curved, confirmed, factor, share_left, max_iter, n_epochs
):
    confirmed(factor, share_left)
    assert small(max_iter=max_iter).fit(curved).n_iter_ == n_epochs


@pytest.mark.parametrize("changes", [{"cv": None}, {"init": "random"}])
def test_without_folds_there_is_nothing_to_follow(curved, changes):
    assert small(**changes).fit(curved).n_iter_ == 32


def test_no_epochs_follow_where_a_callback_has_ended_training(
    curved, confirmed, capsys
):
    confirmed(1.0, 0.1)
    stopper = EarlyStopping("train_loss", patience=1, threshold=10.0)
    model = small(callbacks=[stopper], verbose=1).fit(curved)
    assert model.n_iter_ < 16
    shown = capsys.readouterr().err
    assert f"/{3 * 16 + 16}" in shown
    assert f"/{3 * 16 + 3 * 16}" not in shown


def test_bar_shows_the_epochs_that_follow(curved, confirmed, capsys):
    confirmed(1.0, 0.75)
    small(verbose=1).fit(curved)
    # Two of three folds take 16 epochs before.
    assert f"{32 + 16 + 32}/{32 + 16 + 32}" in capsys.readouterr().err


def test_second_cycle_ends_as_it_would(curved, confirmed):
    noted = {}
    for share_left in (1.5, 0.5):
        confirmed(1.0, share_left)
        rates = Rates()
        small(callbacks=[rates]).fit(curved)
        noted[share_left] = np.array(rates.noted)
    short, long = noted[1.5], noted[0.5]
    assert len(long) > 1.5 * len(short)
    first = 16 * 5  # 160 rows in batches of 32
    for rates in (short, long):
        assert rates[first:].max() == pytest.approx(rates[:first].max(), rel=0.01)
        assert rates[-1] < 1e-3 * rates.max()


@pytest.mark.parametrize("n_rows", [240, 501])
def test_most_epochs_are_those_of_the_longest_fit(n_rows, curved, confirmed):
    confirmed(1.0, 0.0)
    X = np.resize(curved, (n_rows, curved.shape[1]))
    n_epochs = small().fit(X).n_iter_
    assert most_epochs(None, n_rows, is_cross_validated=True) == n_epochs
    assert most_epochs(None, n_rows, is_cross_validated=False) == 32
    assert most_epochs(7, n_rows, is_cross_validated=True) == 7


def test_most_epochs_of_an_odd_number():
    assert auto_max_iter(11_500) == 31
    assert most_epochs(None, 11_500, is_cross_validated=True) == 16 + 3 * 15
