"""Summaries of rows that are read once: exact moments, and rows drawn at random."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_ae._data import LinearStart, Summary, Table, hash_limit, hashes_of, n_drawn
from sklearn_ae._data import summary as _summary
from sklearn_ae._data.summary import Moments


def rows(n_rows, n_features=5, offset=0.0, seed=0):
    """Draw correlated columns of different scales."""
    rng = np.random.default_rng(seed)
    mixing = rng.standard_normal((n_features, n_features))
    X = rng.standard_normal((n_rows, n_features)) @ mixing
    return X * np.logspace(-1, 1, n_features) + offset


def weights(n_rows, seed=0, share_of_zeros=0.0):
    rng = np.random.default_rng(seed)
    drawn = rng.uniform(0.1, 3, n_rows)
    return np.where(rng.uniform(size=n_rows) < share_of_zeros, 0.0, drawn)


def summary_of_parts(X, weight, ends, most=10**6, order=None):
    """Summarise the parts of rows between the ends, and merge them in some order."""
    bounds = [0, *ends, len(X)]
    parts = [
        Summary.of_rows(X[first:last], weight[first:last], first=first, seed=0)
        for first, last in pairwise(bounds)
    ]
    order = range(len(parts)) if order is None else order
    return Summary.merged((parts[i] for i in order), most)


def assert_moments(moments, X, weight, rtol=1e-10):
    """Compare with those of the whole, relative to the columns' deviations."""
    covariance = np.cov(X.T, aweights=weight, ddof=0)
    deviations = np.sqrt(np.diag(covariance))
    mean = np.average(X, axis=0, weights=weight)
    assert moments.size == pytest.approx(weight.sum(), rel=1e-12)
    assert_allclose(moments.mean, mean, rtol=rtol, atol=rtol * deviations.min())
    unit = np.outer(deviations, deviations)
    assert_allclose(moments.covariance / unit, covariance / unit, rtol=0, atol=rtol)


@pytest.mark.parametrize("share_of_zeros", [0.0, 0.4])
@pytest.mark.parametrize("n_cuts", [0, 1, 7, 60])
def test_moments_of_parts_are_those_of_the_whole(n_cuts, share_of_zeros):
    X, weight = rows(200), weights(200, 1, share_of_zeros)
    ends = np.sort(np.random.default_rng(n_cuts).choice(199, n_cuts, False) + 1)
    assert_moments(summary_of_parts(X, weight, ends).moments, X, weight)


def test_batches_of_one_row_give_the_moments_of_the_whole():
    X, weight = rows(100), weights(100, 0, share_of_zeros=0.2)
    assert_moments(summary_of_parts(X, weight, range(1, 100)).moments, X, weight)


@pytest.mark.parametrize("zeros", [slice(0, 20), slice(20, 40), slice(40, 60)])
def test_parts_without_a_row_that_counts_change_nothing(zeros):
    X, weight = rows(60), weights(60)
    weight[zeros] = 0
    summary = summary_of_parts(X, weight, [20, 40])
    assert summary.n_rows == 60
    assert_moments(summary.moments, X, weight)


def test_moments_of_no_row_that_counts_are_zero():
    summary = summary_of_parts(rows(20), np.zeros(20), [10])
    assert summary.moments.size == 0
    assert len(summary.drawn) == 0
    assert summary.n_rows == 20


@pytest.mark.parametrize("weighted", [False, True])
def test_large_offsets_do_not_spoil_the_moments(weighted):
    X, offset = rows(300), 1e8
    weight = weights(300) if weighted else np.ones(300)
    far = X + offset
    moments = summary_of_parts(far, weight, [50, 51, 200]).moments
    # What is left of the rows once the offset has taken its digits.
    known = far - offset
    near = Moments(moments.size, moments.mean - offset, moments.products)
    covariance = np.cov(known.T, aweights=weight, ddof=0)
    assert_allclose(near.covariance, covariance, rtol=1e-7, atol=1e-7)
    mean = np.average(known, axis=0, weights=weight)
    assert_allclose(near.mean, mean, atol=1e-7)


@pytest.mark.parametrize("value", [0.1, -1e6, 3.7, 1e-300])
def test_constant_columns_have_exactly_no_products(value):
    X, weight = rows(100), weights(100, 0, share_of_zeros=0.2)
    X[:, [1, 4]] = value
    moments = summary_of_parts(X, weight, [1, 30, 77]).moments
    assert_array_equal(moments.products[[1, 4]], 0)
    assert_array_equal(moments.products[:, [1, 4]], 0)
    assert_array_equal(moments.mean[[1, 4]], value)


def test_rows_that_do_not_count_may_hold_anything():
    X, weight = rows(100), weights(100)
    X[:, 2] = 0.1
    expected = summary_of_parts(X[1:], weight[1:], [29]).moments
    for anything in (1e12, np.nan):
        X[0], weight[0] = anything, 0
        moments = summary_of_parts(X, weight, [30]).moments
        assert_array_equal(moments.products, expected.products)
        assert_array_equal(moments.mean, expected.mean)


def test_moments_of_float32_are_summed_in_float64():
    X = rows(200, offset=100.0).astype(np.float32)
    moments = summary_of_parts(X, np.ones(200), [90]).moments
    assert moments.products.dtype == np.float64
    assert_moments(moments, X.astype(np.float64), np.ones(200))


def test_missing_cells_leave_no_moments():
    X = rows(60)
    X[45, 2] = np.nan
    assert summary_of_parts(X, np.ones(60), [20, 40]).moments is None
    assert summary_of_parts(X, np.ones(60), [20, 40], order=[2, 0, 1]).moments is None
    assert summary_of_parts(X[:40], np.ones(40), [20]).moments is not None


def test_many_columns_have_no_moments(monkeypatch):
    monkeypatch.setattr(_summary, "MOST_COLUMNS_OF_MOMENTS", 4)
    assert summary_of_parts(rows(20, 4), np.ones(20), [5]).moments is not None
    assert summary_of_parts(rows(20, 5), np.ones(20), [5]).moments is None


@st.composite
def cut_tables(draw):
    """Rows with weights, some of them 0, cut into parts that come in any order."""
    n_rows, n_features = draw(st.integers(2, 40)), draw(st.integers(1, 6))
    seed = draw(st.integers(0, 2**32 - 1))
    offset = draw(st.sampled_from([0.0, 1.0, -1e3]))
    X = rows(n_rows, n_features, offset, seed)
    weight = weights(n_rows, seed, draw(st.sampled_from([0.0, 0.5])))
    weight[draw(st.integers(0, n_rows - 1))] = 1.0
    ends = sorted(draw(st.sets(st.integers(1, n_rows - 1))))
    order = draw(st.permutations(range(len(ends) + 1)))
    return X, weight, ends, order


@settings(deadline=None, derandomize=True, max_examples=100)
@given(cut_tables(), st.integers(1, 50))
def test_order_of_the_parts_does_not_matter(table, most):
    X, weight, ends, order = table
    whole = summary_of_parts(X, weight, [], most)
    merged = summary_of_parts(X, weight, ends, most, order)
    assert merged.n_rows == len(X)
    assert merged.moments.size == pytest.approx(whole.moments.size, rel=1e-12)
    unit = np.abs(whole.moments.mean).max() + np.sqrt(whole.moments.products.max())
    assert_allclose(merged.moments.mean, whole.moments.mean, atol=1e-12 * unit)
    products = whole.moments.products
    atol = 1e-10 * max(np.diag(products).max(), 1e-12 * unit**2)
    assert_allclose(merged.moments.products, products, atol=atol)
    assert_array_equal(merged.drawn.numbers, whole.drawn.numbers)
    assert_array_equal(merged.drawn.rows, whole.drawn.rows)
    assert_array_equal(merged.drawn.weight, whole.drawn.weight)


@pytest.mark.parametrize("weighted", [False, True])
def test_start_of_moments_is_that_of_the_rows(weighted):
    X = rows(300, 8, offset=50.0)
    X[:, 3] = 7.0
    weight = weights(300) if weighted else np.ones(300)
    moments = summary_of_parts(X, weight, [100]).moments
    table = Table(X, weight)
    expected = LinearStart.of_table(table, 3, seed=0)
    found = LinearStart.of_moments(moments, 3, table.effective_size)
    for name in ("mean", "scale", "column_scale", "components", "code_scale"):
        assert_allclose(
            getattr(found, name), getattr(expected, name), rtol=1e-9, atol=1e-9
        )
    assert_allclose(found.residual_scale, expected.residual_scale, atol=1e-7)
    assert found.total_variance == pytest.approx(expected.total_variance)
    assert found.n_samples == expected.n_samples


@pytest.mark.parametrize("total", [1e-6, 1.0, 300.0])
def test_sum_of_the_weights_does_not_change_what_missing_cells_are(total):
    X = rows(300, 8)
    moments = summary_of_parts(X, np.full(300, total / 300), [100]).moments
    found = LinearStart.of_moments(moments, 2, 300.0)
    holes = np.where(np.eye(8, dtype=bool), np.nan, X[:8])
    expected = LinearStart.of_table(Table.of(X), 2, seed=0).to_imputed(holes)
    assert_allclose(found.to_imputed(holes), expected, atol=1e-9)


def test_moments_of_equal_rows_are_exact_and_tell_no_axes():
    moments = summary_of_parts(np.full((30, 4), 0.1), np.ones(30), [7]).moments
    assert_array_equal(moments.mean, 0.1)
    assert_array_equal(moments.products, 0)
    assert not moments.is_known


@pytest.mark.parametrize("most", [1, 10, 200, 1000])
def test_drawn_rows_are_the_same_however_the_table_is_cut(most):
    X, weight = rows(200), weights(200)
    whole = summary_of_parts(X, weight, [], most).drawn
    rng = np.random.default_rng(0)
    for n_cuts in (1, 5, 50, 199):
        ends = np.sort(rng.choice(199, n_cuts, False) + 1)
        parts = summary_of_parts(X, weight, ends, most).drawn
        for name in whole.__match_args__:
            assert_array_equal(getattr(parts, name), getattr(whole, name))


@pytest.mark.parametrize("most", [1, 57, 200, 201])
def test_drawn_rows_are_as_many_as_asked_for_and_sorted(most):
    X, weight = rows(200), weights(200)
    summary = summary_of_parts(X, weight, [30, 31, 150], most)
    drawn = summary.drawn
    assert len(drawn) == min(200, most)
    assert (np.diff(drawn.numbers) > 0).all()
    assert_array_equal(drawn.rows, X[drawn.numbers])
    assert_array_equal(drawn.weight, weight[drawn.numbers])
    assert summary.is_whole == (most >= 200)


def test_rows_of_weight_zero_are_never_drawn():
    X, weight = rows(200), weights(200, 0, share_of_zeros=0.7)
    n_counted = np.count_nonzero(weight)
    for most in (20, 500):
        drawn = summary_of_parts(X, weight, [77], most).drawn
        assert len(drawn) == min(n_counted, most)
        assert (drawn.weight > 0).all()
        assert (weight[drawn.numbers] > 0).all()


def test_joining_draws_the_same_rows_in_steps():
    X, weight = rows(300), weights(300)
    whole = summary_of_parts(X, weight, [], most=40)
    steps = summary_of_parts(X[:100], weight[:100], [50], most=40)
    for first in (100, 200):
        part = slice(first, first + 100)
        more = Summary.of_rows(X[part], weight[part], first=first, seed=0)
        steps = Summary.merged([steps, more], most=40)
    assert steps.n_rows == 300
    assert_array_equal(steps.drawn.numbers, whole.drawn.numbers)
    assert_moments(steps.moments, X, weight)


def test_hashes_are_uniform():
    hashes = hashes_of(np.arange(100_000), seed=0) / 2.0**64
    assert len(np.unique(hashes)) == 100_000
    counts = np.histogram(hashes, 20, (0, 1))[0]
    assert np.abs(counts - 5000).max() < 5 * 5000**0.5
    neighbours = np.corrcoef(hashes[:-1], hashes[1:])[0, 1]
    assert abs(neighbours) < 0.015


def test_rows_are_drawn_alike_from_all_parts_of_a_table():
    X = np.zeros((50_000, 1))
    drawn = summary_of_parts(X, np.ones(50_000), [20_000], most=5000).drawn
    counts = np.histogram(drawn.numbers, 10, (0, 50_000))[0]
    assert np.abs(counts - 500).max() < 5 * 500**0.5


def test_other_seeds_draw_other_rows():
    X, weight = np.zeros((1000, 1)), np.ones(1000)
    found = []
    for seed in (0, 1):
        summary = Summary.of_rows(X, weight, first=0, seed=seed)
        found.append(set(Summary.merged([summary], 100).drawn.numbers.tolist()))
    assert len(found[0] & found[1]) < 30


@pytest.mark.parametrize(("n_rows", "most"), [(0, 5), (5, 5), (6, 5), (300, 300)])
def test_no_row_of_a_small_table_is_above_the_limit(n_rows, most):
    assert hash_limit(n_rows, most) == 2**64 - 1


@pytest.mark.parametrize("most", [1, 100, 2000])
def test_enough_rows_are_below_the_limit_but_not_many_more(most):
    hashes = hashes_of(np.arange(100_000), seed=3)
    below = np.count_nonzero(hashes <= np.uint64(hash_limit(100_000, most)))
    assert most <= below <= most + 12 * most**0.5 + 100


@pytest.mark.parametrize(
    ("n_features", "expected"),
    [(1, 2**18), (256, 2**18), (1024, 2**16), (2**26, 1), (2**30, 1)],
)
def test_fewer_rows_of_wide_tables_are_drawn(n_features, expected):
    assert n_drawn(n_features) == expected
