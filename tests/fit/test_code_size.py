"""The number of codes, where it is not given."""

from importlib import import_module

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.decomposition import PCA

from sklearn_ae import AutoencoderTransformer
from sklearn_ae._data import LinearStart, Table
from sklearn_ae._fit import describe_network, describe_training
from sklearn_ae._fit.cross_validation import Folds
from sklearn_ae._fit.problem import Problem
from sklearn_ae._training import Rows

UNEXPLAINED = 0.94 ** np.arange(1, 61)  # by PCA; a tenth with 38 components


def size_of_pca(X, share):
    return PCA(share, svd_solver="full").fit(X).n_components_


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("shape", [(20, 6), (5, 6), (3, 3)])
def test_no_number_is_the_largest_possible(quick, linear, shape, early_stopping):
    X = linear[: shape[0], : shape[1]]
    model = quick(None, early_stopping=early_stopping).fit(X)
    assert model.n_components_ == model.transform(X).shape[1]
    assert model.n_components_ in (min(shape), min(shape) - early_stopping)


def test_no_number_loses_nothing(quick, linear):
    model = quick(None).fit(linear)
    assert model.n_components_ == 6
    assert model.n_iter_ == 0
    assert model.score(linear) == pytest.approx(1.0)


@pytest.mark.parametrize("share", [0.3, 0.7, 0.9, 0.99])
def test_share_takes_no_more_codes_than_pca(quick, curved, share):
    model = quick(share, cv=2, max_iter=10).fit(curved)
    assert 1 <= model.n_components_ <= size_of_pca(curved, share)
    assert model.transform(curved).shape == (240, model.n_components_)
    assert len(model.get_feature_names_out()) == model.n_components_


def test_share_of_a_curved_table_takes_fewer_codes_than_pca(quick, curved):
    model = quick(0.95, max_iter=30).fit(curved)
    # Two hidden factors bend through four more directions.
    assert size_of_pca(curved, 0.95) == 4
    assert model.n_components_ <= 3
    assert model.score(curved) > 0.95


def test_share_of_a_linear_autoencoder_is_that_of_pca(quick, curved):
    model = quick(0.9, hidden_layer_sizes=()).fit(curved)
    assert model.n_components_ == size_of_pca(curved, 0.9)


@pytest.fixture
def search(monkeypatch):
    """Search for nine tenths among scores that are given, and note the sizes."""

    def run(score, explained=1.0 - UNEXPLAINED):
        tried = []

        def noted(problem, fold, trained):
            tried.append(problem.architecture.n_components)
            return score(tried[-1]) if trained else 0.9

        module = import_module("sklearn_ae._fit.code_size")
        monkeypatch.setattr(module, "_held_out_score", noted)
        monkeypatch.setattr(module, "_explained_by_pca", lambda table: explained)
        model = AutoencoderTransformer(0.9, max_iter=1, random_state=0, device="cpu")
        X = np.random.RandomState(0).randn(64, 60)
        with np.errstate(all="raise"):
            return model.fit(X).n_components_, tried

    return run


@pytest.mark.parametrize("answer", [1, 2, 3, 8, 14, 19, 20, 21, 29, 37, 38])
@pytest.mark.parametrize("enough", [0.9, 1.0])
def test_search_finds_the_smallest_code(search, answer, enough):
    found, tried = search(lambda size: enough * (size >= answer))
    assert found == answer
    # PCA with 38 components, and others without a repetition; every third halves.
    assert tried[0] == 38
    assert len(tried) == len(set(tried)) <= 12


@pytest.mark.parametrize("left", [0.2, 0.5, 0.9, 1.0])
def test_search_follows_the_curve_of_pca(search, left):
    """Where a share of what PCA leaves is left at all sizes, that leads to the size."""
    expected = int(np.argmax(left * UNEXPLAINED <= 0.1)) + 1
    found, tried = search(lambda size: 1.0 - left * UNEXPLAINED[size - 1])
    assert found == expected
    assert len(tried) <= 6  # seven by halves


def test_search_ends_where_pca_leaves_nothing(search):
    explained = np.minimum(np.arange(1, 61) / 17, 1.0) ** 9
    assert explained[15] < 0.9
    assert search(lambda size: 0.9 * (size >= 5), explained)[0] == 5


def test_scores_that_are_no_number_are_not_enough(search):
    assert search(lambda size: np.nan)[0] == 38


def test_what_pca_does_not_reach_is_not_asked_for(quick, curved, monkeypatch):
    def score(problem, fold, trained):
        return 0.6 * (problem.architecture.n_components >= 3) if trained else 0.5

    module = import_module("sklearn_ae._fit.code_size")
    monkeypatch.setattr(module, "_held_out_score", score)
    monkeypatch.setattr(
        module, "_explained_by_pca", lambda table: 1.0 - UNEXPLAINED[:8]
    )
    assert quick(0.9, max_iter=1).fit(curved).n_components_ == 3


def test_more_share_takes_no_fewer_codes(quick, curved):
    sizes = [quick(s, max_iter=4).fit(curved).n_components_ for s in (0.3, 0.8, 0.99)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]


def test_number_that_a_share_leads_to_gives_the_same_bits(quick, curved):
    model = quick(0.9).fit(curved)
    expected = quick(model.n_components_).fit_transform(curved)
    assert_array_equal(model.transform(curved), expected)


def test_same_seed_leads_to_the_same_number(quick, curved):
    model = quick(0.9, random_state=3).fit(curved)
    again = clone(model).fit(curved)
    assert again.n_components_ == model.n_components_
    assert_array_equal(again.transform(curved), model.transform(curved))
    assert model.n_components == 0.9


@pytest.mark.parametrize("n_samples", [2, 3, 4, 5, 8])
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.filterwarnings("ignore:validation_fraction=:UserWarning")
@pytest.mark.filterwarnings("ignore:The fit is PCA:UserWarning")
def test_share_of_few_rows(quick, curved, n_samples, early_stopping):
    X = curved[:n_samples]
    model = quick(0.9, cv="auto", early_stopping=early_stopping).fit(X)
    assert 1 <= model.n_components_ < n_samples
    assert np.isfinite(model.transform(X)).all()


@pytest.mark.parametrize("value", [0.0, 3.0])
def test_share_of_constant_data_is_one_code(quick, value):
    X = np.full((9, 4), value)
    assert quick(0.5).fit(X).n_components_ == 1


def test_warm_start_keeps_the_number_of_codes(quick, curved):
    model = quick(0.6, warm_start=True).fit(curved)
    n_components = model.n_components_
    assert model.set_params(n_components=0.99).fit(curved).n_components_ == n_components


def test_callbacks_do_not_see_the_search(quick, curved, capfd):
    model = quick(0.9, verbose=2, max_iter=2).fit(curved)
    lines = capfd.readouterr().out.splitlines()
    epochs = [line.split()[0] for line in lines if line.split()]
    assert [word for word in epochs if word.isdigit()] == ["1", "2"]
    assert model.n_iter_ == 2


def test_untrained_score_is_that_of_pca(curved):
    module = import_module("sklearn_ae._fit.code_size")
    model = AutoencoderTransformer()
    options = describe_training(model)
    start = LinearStart.of_table(Table.of(curved), 3, seed=0)
    rows = Rows.of_table(Table.of(curved), start)
    architecture = describe_network(model, 3, 240)
    problem = Problem.of_rows(start, architecture, options, rows, 0)
    fold = Folds(4, 1)
    ((train, test, _),) = fold.split(rows.x, 0)
    x, x_test = (rows.x[part].numpy().astype(float) for part in (train, test))
    pca = PCA(3).fit(x)
    components = pca.components_
    left = x_test - x_test @ components.T @ components
    expected = 1 - np.sum(left**2) / np.sum(x_test**2)
    found = module._held_out_score(problem, fold, trained=False)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
