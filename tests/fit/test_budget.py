"""How many epochs a fit takes."""

from itertools import accumulate, pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose
from skorch.callbacks import EarlyStopping

from sklearn_ae import AutoencoderTransformer
from sklearn_ae._fit import budget
from sklearn_ae._fit.budget import is_worth_it, most_epochs, rounds
from sklearn_ae._fit.cross_validation import Folds

N_LEFT_OUT = 50


@pytest.fixture
def small_is_large(monkeypatch):
    """Let tables of 201 rows be large ones, of which 50 are left out."""
    monkeypatch.setattr("sklearn_ae._fit.cross_validation.ENOUGH_ROWS", 4 * N_LEFT_OUT)


@pytest.fixture
def worth(monkeypatch):
    """Let training be worth it for some rounds, whatever the folds gain."""

    def give(n_rounds):
        monkeypatch.setattr(
            "sklearn_ae._fit.train.is_worth_it", lambda losses: len(losses) < n_rounds
        )

    return give


def small(**changes):
    settings = {"hidden_layer_sizes": (8,), "random_state": 0, "device": "cpu"}
    return AutoencoderTransformer(2, **(settings | changes))


def test_rounds_grow_up_to_the_most_epochs():
    ends = list(accumulate(rounds(None, goes_on=True)))
    assert ends[:4] == [8, 12, 18, 27]
    assert ends[-1] == budget.MOST_EPOCHS
    assert all(b <= 1.5 * a + 1 for a, b in pairwise(ends))


@pytest.mark.parametrize(
    ("max_iter", "goes_on", "n_first"), [(7, True, 4), (1, True, 1), (7, False, 7)]
)
def test_given_epochs_are_one_round(max_iter, goes_on, n_first):
    assert list(rounds(max_iter, goes_on)) == [n_first]


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ([9.0], True),
        ([9.0, 9.5], True),  # one round more, as some tables begin slowly
        ([9.0, 9.5, 9.0], False),
        ([9.0, 9.5, 8.5], True),
        ([9.0, 8.5, 8.9], True),
        ([9.0, 5.0, 4.9, 4.88], False),
        ([9.0, float("nan"), float("nan")], False),
    ],
)
def test_training_goes_on_while_two_rounds_gain_enough(losses, expected):
    assert is_worth_it(losses) is expected


@pytest.mark.parametrize("n_rounds", [1, 3])
def test_fit_goes_on_with_all_rows_for_as_long(curved, worth, n_rounds):
    worth(n_rounds)
    n_epochs = [8, 12, 18][n_rounds - 1]
    assert small().fit(curved).n_iter_ == 2 * n_epochs


def test_what_bends_much_is_trained_longer(curved, noise):
    assert small().fit(curved).n_iter_ > 2 * small().fit(noise).n_iter_


def test_best_round_is_kept(curved, monkeypatch):
    """With losses that rise, the first round says how long training goes on."""
    monkeypatch.setattr(
        "sklearn_ae._fit.train.is_worth_it", lambda losses: len(losses) < 3
    )
    monkeypatch.setattr(
        "sklearn_ae._fit.cross_validation.LossSum.loss",
        property(lambda total: float(next(rising))),
    )
    rising = iter(range(1, 1000))
    monkeypatch.setattr(
        "sklearn_ae._fit.train.cross_validated_shrinkage", lambda *args: 1.0
    )
    assert small().fit(curved).n_iter_ == 18 + 8


def test_best_network_of_a_large_table_is_kept(curved, small_is_large, monkeypatch):
    """With losses that rise, it is what one round gives, refitted to what it saw."""
    refitted = []

    def noted(module, blocks):
        refitted.append(sum(len(x) for x, _ in blocks))

    for n_rounds in (1, 3):
        monkeypatch.setattr(
            "sklearn_ae._fit.train.is_worth_it",
            lambda losses, n=n_rounds: len(losses) < n,
        )
        rising = iter(range(1, 1000))
        with monkeypatch.context() as patch:
            patch.setattr(
                "sklearn_ae._fit.cross_validation.LossSum.loss",
                property(lambda total, rising=rising: float(next(rising))),
            )
            patch.setattr(
                "sklearn_ae._fit.train.cross_validated_shrinkage", lambda *args: 1.0
            )
            patch.setattr("sklearn_ae._fit.train.refit_last_layer", noted)
            patch.setattr(
                "sklearn_ae._fit.problem.Problem.loss",
                lambda problem, module, rows=None: 0.0,
            )
            model = small().fit(curved)
        if n_rounds == 1:
            expected = model.transform(curved)
    assert model.n_iter_ == 18
    assert_allclose(model.transform(curved), expected, atol=1e-10)
    assert refitted == 2 * [len(curved) - N_LEFT_OUT]


def test_repeated_rows_of_a_large_table_confirm_nothing(noise, small_is_large):
    assert small().fit(np.tile(noise, (20, 1))).shrinkage_ == 0.0


@pytest.mark.parametrize("init", ["random", "pca"])
def test_fits_of_one_step_learn(curved, init):
    changes = {"max_iter": 1, "warm_start": True, "init": init, "cv": None}
    model = small(batch_size=len(curved), **changes)
    scores = [model.fit(curved).score(curved) for _ in range(8)]
    assert (np.diff(scores) > 1e-5).all()


@pytest.mark.parametrize("changes", [{"cv": None}, {"init": "random"}])
def test_without_folds_there_is_nothing_to_follow(curved, changes):
    assert small(**changes).fit(curved).n_iter_ == 32


def test_no_epochs_follow_where_a_callback_has_ended_training(curved, capsys):
    stopper = EarlyStopping("train_loss", patience=1, threshold=10.0)
    model = small(callbacks=[stopper], verbose=1).fit(curved)
    assert model.n_iter_ < 8


def test_bar_shows_the_epochs_that_follow(curved, worth, capsys):
    worth(2)
    small(verbose=1).fit(curved)
    n_epochs = 3 * 12 + 12  # three folds, then all rows
    assert f"{n_epochs}/{n_epochs}" in capsys.readouterr().err


def test_most_epochs_are_those_of_the_longest_fit(curved, worth):
    worth(100)
    n_epochs = small().fit(curved).n_iter_
    folds = Folds.auto(len(curved), 2)
    assert most_epochs(None, folds.n_parts, is_validated=False) == n_epochs
    assert most_epochs(None, 0, is_validated=False) == 32
    assert most_epochs(7, folds.n_parts, is_validated=False) == 7


def test_most_epochs_of_a_large_table(curved, worth, small_is_large):
    worth(100)
    folds = Folds.auto(len(curved), 2)
    assert folds.is_sample
    n_epochs = small().fit(curved).n_iter_
    assert most_epochs(None, folds.n_parts, is_validated=False) == n_epochs


def test_early_stopping_may_take_the_most_epochs(curved):
    model = small(early_stopping=True, n_iter_no_change=10**6).fit(curved)
    assert model.n_iter_ == budget.MOST_EPOCHS
    assert most_epochs(None, 0, is_validated=True) == model.n_iter_
