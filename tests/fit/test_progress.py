"""scikit-learn's callback protocol, where the installed version has it."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

callback = pytest.importorskip(
    "sklearn.callback", reason="scikit-learn 1.9 brought the protocol"
)


class Note:
    """Writes down which hooks are called for which tasks."""

    def __init__(self, last=np.inf):
        self.calls = []
        self.scores = []
        self.last = last

    def setup(self, estimator, context):
        self.calls.append("setup")

    def on_fit_task_begin(self, estimator, context):
        self.calls.append(("begin", context.task_name))

    def on_fit_task_end(self, estimator, context, *, X=None, fitted_estimator=None):
        self.calls.append(("end", context.task_name))
        self.scores.append(fitted_estimator.score(X))
        return len(self.scores) >= self.last

    def teardown(self, estimator, context):
        self.calls.append("teardown")


@pytest.mark.parametrize(
    "changes", [{}, {"cv": 3}, {"early_stopping": True}, {"init": "random"}]
)
def test_epochs_are_tasks(quick, curved, changes):
    note = Note()
    model = quick(max_iter=3, **changes).set_callbacks(note).fit(curved)
    epoch = [("begin", "epoch"), ("end", "epoch")]
    whole = [("begin", "fit"), *3 * epoch, ("end", "fit")]
    assert note.calls == ["setup", *whole, "teardown"]
    assert model.n_iter_ == 3


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"cv": "auto"}, (200, 32)),
        ({}, (32, 32)),
        ({"early_stopping": True}, (100, 100)),
        ({"max_iter": 3}, (3, 3)),
    ],
)
def test_epochs_are_announced_at_most(quick, curved, changes, expected):
    note = Note()
    note.on_fit_task_begin = lambda estimator, context: announced.append(
        context.max_subtasks
    )
    announced = []
    settings = {"max_iter": "auto", "warm_start": True} | changes
    model = quick(**settings).set_callbacks(note).fit(curved)
    first = announced[0]
    announced.clear()
    model.fit(curved)  # goes on without folds
    assert (first, announced[0]) == expected


def test_callbacks_see_what_would_be_the_result(quick, curved):
    note = Note()
    model = quick(max_iter=4).set_callbacks(note).fit(curved)
    assert_allclose(note.scores[-2:], model.score(curved), rtol=1e-9)
    assert note.scores[0] < note.scores[-1]


def test_callbacks_see_the_names_of_columns(quick, curved):
    frame = pd.DataFrame(curved).add_prefix("column")
    seen = []

    class Names(Note):
        def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
            seen.append(fitted_estimator.transform(frame))

    quick(max_iter=2).set_callbacks(Names()).fit(frame)
    assert len(seen) == 3


def test_callbacks_do_not_change_the_fit(quick, curved):
    expected = quick().fit_transform(curved)
    note = Note()
    found = quick().set_callbacks(note).fit_transform(curved)
    assert_allclose(found, expected, rtol=0, atol=0)


def test_callback_can_end_training(quick, curved):
    model = quick(max_iter=10).set_callbacks(Note(last=3)).fit(curved)
    assert model.n_iter_ == 3
    assert model.score(curved) > model.pca_score_


def test_fit_without_training_is_a_task_too(quick, curved):
    note = Note()
    quick(hidden_layer_sizes=()).set_callbacks(note).fit(curved)
    assert note.calls == ["setup", ("begin", "fit"), ("end", "fit"), "teardown"]


def test_callbacks_are_released_where_a_fit_fails(quick, curved):
    note = Note()
    model = quick(learning_rate_init=1e38).set_callbacks(note)
    with pytest.raises(ValueError, match="Training diverged"):
        model.fit(curved)
    assert note.calls[-1] == "teardown"
    assert not model.__sklearn_is_fitted__()
    fitted = quick().set_callbacks(note).fit(curved)
    leftovers = {name for name in vars(fitted) if "callback" in name}
    assert leftovers == {"callbacks", "_skl_callbacks"}
    assert clone(fitted).fit(curved).n_iter_ == 4


class Nested(Note):
    """A callback that goes on to the estimators inside."""

    max_propagation_depth = None

    def on_fit_task_begin(self, estimator, context):
        path = callback_path(context)
        self.calls.append(path)

    def on_fit_task_end(self, estimator, context):
        return False


def callback_path(context):
    names = []
    while context is not None:
        names.append(context.task_name)
        context = context.parent
    return tuple(reversed(names))


def test_epochs_nest_inside_a_grid_search(quick, curved):
    note = Nested()
    search = GridSearchCV(quick(max_iter=2), {"tol": [0.1, 1.0]}, cv=2)
    search.set_callbacks(note).fit(curved)
    epochs = [path for path in note.calls if path[-1] == "epoch"]
    assert len(epochs) == 2 * (2 * 2 + 1)
    assert {path[0] for path in epochs} == {"fit"}
    assert min(map(len, epochs)) > 2


def test_epochs_nest_inside_a_pipeline(quick, curved):
    note = Nested()
    model = make_pipeline(StandardScaler(), quick(max_iter=2))
    model.set_callbacks(note).fit(curved)
    assert len([path for path in note.calls if path[-1] == "epoch"]) == 2


def test_progress_bar_shows_the_epochs(quick, curved, capfd):
    pytest.importorskip("rich", reason="scikit-learn's ProgressBar needs it")
    quick(max_iter=3).set_callbacks(callback.ProgressBar()).fit(curved)
    shown = capfd.readouterr().out
    assert "AutoencoderTransformer" in shown
    assert "100%" in shown


def test_scoring_monitor_follows_the_score(quick, curved):
    monitor = callback.ScoringMonitor(scoring=None)
    model = quick(max_iter=3).set_callbacks(monitor).fit(curved)
    assert model.n_iter_ == 3
