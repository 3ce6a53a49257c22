"""Warnings of columns that have nearly all of the variance."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


@pytest.mark.parametrize(("share", "n_columns"), [(0.985, 5), (0.995, 2)])
def test_scales_that_are_no_trouble(share, n_columns, quick, curved):
    X = StandardScaler().fit_transform(curved)[:, :n_columns]
    X[:, 1] *= ((n_columns - 1) * share / (1 - share)) ** 0.5
    quick(1).fit(X)  # as warnings are errors here
    X[:, 1] *= 1e3
    quick(n_columns).fit(X)  # no column is lost


def test_constant_columns_are_no_other_scales(quick, curved):
    X = np.ones((len(curved), 4))
    X[:, 1] = curved[:, 0] * 1e3
    quick(1).fit(X)


def test_a_column_that_decides_everything_is_named(quick, curved):
    X = StandardScaler().fit_transform(curved)[:, :5]
    X[:, 1] *= (4 * 0.995 / 0.005) ** 0.5
    message = "Column 1 has more than 99 % of the variance of X, .* StandardScaler"
    with pytest.warns(UserWarning, match=message) as found:
        quick(1).fit_transform(X)
    assert found[0].filename == __file__
    mine = {"__name__": "sklearn_of_mine", "model": quick(1), "X": X}
    with pytest.warns(UserWarning, match=message) as found:
        exec(compile("model.fit(X)", "mine.py", "exec"), mine)
    assert found[0].filename == "mine.py"
    frame = pd.DataFrame(X, columns=[*"abcde"])
    with pytest.warns(UserWarning, match="Column 'b' has more") as found:
        make_pipeline(quick(1), LinearRegression()).fit(frame, X[:, 0])
    assert found[0].filename == __file__


def test_few_columns_that_decide_everything_are_named(quick, curved):
    X = StandardScaler().fit_transform(curved)
    X[:, [2, 5]] *= 100
    for n_components in (1, 3):
        with pytest.warns(UserWarning, match="^Columns (2, 5|5, 2) have more than"):
            quick(n_components).fit(X)
    X[:, [0, 7]] *= 100
    names = [f"column {i}" for i in range(12)]
    message = r"^Columns ('column \d', ){3}\.\.\. have more than 99 %"
    with pytest.warns(UserWarning, match=message):
        quick(5).fit(pd.DataFrame(X, columns=names))
    X[:, 8] *= 100
    quick(5).fit(X)  # no few of twelve, as warnings are errors here


def test_columns_that_become_smaller_step_by_step_have_one_unit(quick, curved):
    X = StandardScaler().fit_transform(curved)
    X *= 3.0 ** -np.arange(12)
    quick(3).fit(X)  # as warnings are errors here


def test_areas_beside_shares_are_named(quick):
    frame = load_breast_cancer(as_frame=True).data
    with pytest.warns(UserWarning, match="^Columns 'worst area', 'mean area' have"):
        quick(2).fit(frame)


def test_constant_columns_have_none_of_the_variance(quick, curved):
    X = StandardScaler().fit_transform(curved)
    X[:, [10, 11]] = 3.0
    X[:, 0] *= 8
    quick(4).fit(X)
    X[:, :2] *= 100
    with pytest.warns(UserWarning, match="^Columns 0, 1 have more than 99 %"):
        quick(4).fit(X)
