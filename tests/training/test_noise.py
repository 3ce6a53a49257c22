"""Noise on the input of training."""

import re

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_ae._training.noise import Corruption, gaussian, masking, swap


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


@pytest.fixture
def rows(generator):
    return torch.rand(500, 8, generator=generator) + torch.arange(8.0)


def test_gaussian_noise_has_the_given_deviation(rows, generator):
    noise = gaussian(rows, generator, 0.5) - rows
    assert abs(float(noise.std()) - 0.5) < 0.02
    assert abs(float(noise.mean())) < 0.02


def test_masking_sets_a_share_of_the_cells_to_zero(rows, generator):
    masked = masking(rows + 1, generator, 0.3)
    hit = masked != rows + 1
    assert abs(float(hit.float().mean()) - 0.3) < 0.03
    assert not masked[hit].any()


def test_swap_takes_cells_of_the_same_column(rows, generator):
    swapped = swap(rows, generator, 0.3)
    assert abs(float((swapped != rows).float().mean()) - 0.3) < 0.03
    for before, after in zip(rows.T, swapped.T, strict=True):
        assert set(after.tolist()) <= set(before.tolist())


def test_swap_takes_each_cell_from_a_row_of_its_own(generator):
    rows = torch.arange(100.0)[:, None].expand(100, 6)
    swapped = swap(rows, generator, 1.0)
    assert (swapped.std(dim=1) > 0).all()


def test_noise_is_in_the_units_of_the_data(rows):
    seen = []

    def record(X, generator):
        seen.append(X.clone())
        return X + 1

    mean, scale = torch.arange(8.0), torch.tensor(2.0)
    corruption = Corruption(record, mean, scale, clip=False, seed=0)
    x = (rows - mean) / scale
    found = corruption(x, corruption.generator())
    torch.testing.assert_close(seen[0], rows)
    torch.testing.assert_close(found, x + 0.5)


def test_noise_can_be_cut_off(rows):
    shift = Corruption(
        lambda X, generator: X - 3, torch.zeros(8), torch.tensor(1.0), True, 0
    )
    found = shift(rows, shift.generator())
    assert_allclose(found, (rows - 3).clamp(0, 1), atol=1e-6)


def test_cells_without_noise_keep_their_digits_far_from_zero(rows):
    def halve_one(X, generator):
        X[:, 0] *= 0.5
        return X

    corruption = Corruption(
        halve_one, torch.full((8,), 1e8), torch.tensor(2.0), False, 0
    )
    found = corruption(rows, corruption.generator())
    assert_array_equal(found[:, 1:], rows[:, 1:])
    assert_allclose(found[:, 0], -0.25e8, rtol=1e-5)


def test_noise_of_another_shape_is_refused(rows):
    half = Corruption(
        lambda X, generator: X[:, :4], torch.zeros(8), torch.tensor(1.0), False, 0
    )
    message = (
        "noise has to return a tensor of the shape that it is given, (500, 8), but it "
        "has returned (500, 4)."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        half(rows, half.generator())


@pytest.mark.parametrize(
    "noise", [0.3, ("gaussian", 0.3), ["masking", 0.2], ("swap", 0.2)]
)
@pytest.mark.parametrize("changes", [{}, {"cv": 3}, {"early_stopping": True}])
def test_noise_changes_training_and_stays_reproducible(quick, curved, noise, changes):
    plain = quick(**changes).fit_transform(curved)
    first, second = (quick(noise=noise, **changes).fit(curved) for _ in range(2))
    assert np.abs(first.transform(curved) - plain).max() > 1e-3
    assert_array_equal(first.transform(curved), second.transform(curved))
    assert_array_equal(first.transform(curved), first.transform(curved))


@pytest.mark.parametrize("noise", [None, 0, 0.0, ("masking", 0.0)])
def test_no_noise_is_no_noise(quick, curved, noise):
    expected = quick().fit_transform(curved)
    assert_array_equal(quick(noise=noise).fit_transform(curved), expected)


def test_float_is_a_gaussian_deviation(quick, curved):
    expected = quick(noise=("gaussian", 0.2)).fit_transform(curved)
    assert_array_equal(quick(noise=0.2).fit_transform(curved), expected)


def test_callable_gets_rows_of_the_data(quick, curved):
    seen = []

    def record(X, generator):
        seen.append((X.min().item(), X.max().item(), X.shape[1], type(generator)))
        return X

    model = quick(noise=record, max_iter=1).fit(curved)
    lowest, highest = min(s[0] for s in seen), max(s[1] for s in seen)
    assert lowest == pytest.approx(curved.min(), rel=1e-5)
    assert highest == pytest.approx(curved.max(), rel=1e-5)
    assert {s[2:] for s in seen} == {(12, torch.Generator)}
    calls = len(seen)
    model.transform(curved)
    model.score(curved)
    assert len(seen) == calls


@pytest.mark.parametrize("changes", [{"cv": 3}, {"init": "random"}])
def test_denoising_removes_noise(quick, curved, curved_held_out, changes):
    rng = np.random.default_rng(0)
    noisy = curved_held_out + 0.3 * rng.standard_normal(curved_held_out.shape)
    errors = []
    for noise in (None, 0.3):
        changes["transform_max_iter"] = 0  # steps clean rows too
        model = quick(noise=noise, max_iter=60, **changes).fit(curved)
        cleaned = model.inverse_transform(model.transform(noisy))
        errors.append(np.mean((cleaned - curved_held_out) ** 2))
    assert errors[1] < 0.9 * errors[0]
    assert errors[1] < 0.5 * 0.3**2


def test_callable_can_be_cloned_and_searched(quick, curved):
    from sklearn.model_selection import GridSearchCV

    grid = {"noise": [None, ("swap", 0.1), masked_by_half]}
    search = GridSearchCV(quick(max_iter=1), grid, cv=2).fit(curved)
    assert len(search.cv_results_["mean_test_score"]) == 3


def masked_by_half(X, generator):
    return X * (torch.rand(X.shape, generator=generator, device=X.device) < 0.5)
