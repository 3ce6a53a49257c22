"""What the estimator's parameters say about training."""

import re

import pytest
import torch
from skorch.callbacks import (
    Checkpoint,
    EarlyStopping,
    InputShapeSetter,
    LRScheduler,
)

from sklearn_ae._training.options import check_callback, resolve_device


def test_device_is_resolved_once():
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert resolve_device("auto") == expected
    assert resolve_device("cpu") == "cpu"


@pytest.mark.parametrize("named", [False, True])
def test_callbacks_of_skorch_are_taken(named):
    callback = EarlyStopping()
    check_callback(("stop", callback) if named else callback, is_validated=True)


@pytest.mark.parametrize("callback", [EarlyStopping, "stop", ("stop", 3), (1, 2, 3)])
def test_other_callbacks_are_shown(callback):
    message = f"callbacks holds {callback!r}, but each entry must be an instance of "
    with pytest.raises(ValueError, match=re.escape(message)):
        check_callback(callback, is_validated=True)


@pytest.mark.parametrize("named", [False, True])
def test_callback_that_changes_modules_is_refused_with_the_remedy(named):
    callback = InputShapeSetter()
    message = "It is not needed: name n_features and n_components in the constructor"
    with pytest.raises(ValueError, match=re.escape(message)):
        check_callback(("shapes", callback) if named else callback, True)


def test_schedule_of_the_rate_is_refused_with_the_remedy():
    with pytest.raises(ValueError, match=r"Set learning_rate_init instead"):
        check_callback(LRScheduler(), is_validated=True)


@pytest.mark.parametrize(
    ("callback", "remedy"),
    [
        (EarlyStopping(), "early_stopping=True, or monitor='train_loss'."),
        (Checkpoint(), "early_stopping=True, or monitor='train_loss_best'."),
    ],
)
def test_callback_that_monitors_validation_needs_rows_for_it(callback, remedy):
    with pytest.raises(ValueError, match=re.escape(remedy)):
        check_callback(callback, is_validated=False)
    check_callback(callback, is_validated=True)


def test_callback_that_monitors_training_needs_none():
    check_callback(EarlyStopping("train_loss"), is_validated=False)
