"""Batches: every row once, in an order of its own, and what is done to the input."""

import math

import pytest
import torch
from torch.utils.data import TensorDataset

from sklearn_ae._training.batches import ResidentBatches


@pytest.fixture
def dataset():
    return TensorDataset(torch.arange(23.0)[:, None])


def batches_of(dataset, batch_size, seed=None):
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    return ResidentBatches(dataset, batch_size, generator)


@pytest.mark.parametrize("batch_size", [1, 5, 8, 22, 23, 1000])
@pytest.mark.parametrize("seed", [None, 0])
def test_batches_hold_every_row_once(dataset, batch_size, seed):
    batches = [x for x, _ in batches_of(dataset, batch_size, seed)]
    assert sorted(torch.cat(batches).ravel().tolist()) == list(range(23))
    sizes = [len(x) for x in batches]
    assert max(sizes) <= batch_size
    assert max(sizes) - min(sizes) <= 1
    assert len(sizes) == math.ceil(23 / batch_size)


def test_input_is_its_own_target(dataset):
    assert all(x is target for x, (target,) in batches_of(dataset, 5, seed=0))


@pytest.mark.parametrize("seed", [None, 0])
def test_weights_stay_with_their_rows(seed):
    dataset = TensorDataset(torch.arange(23.0)[:, None], 10 * torch.arange(23.0))
    for x, (target, weight) in batches_of(dataset, 5, seed):
        assert x is target
        assert torch.equal(weight, 10 * x[:, 0])


def test_rows_keep_their_order_without_a_generator(dataset):
    rows = torch.cat([x for x, _ in batches_of(dataset, 5)])
    assert rows.ravel().tolist() == list(range(23))


def test_every_pass_takes_a_new_permutation_from_the_generator(dataset):
    first, again = (batches_of(dataset, 5, seed=1) for _ in range(2))
    passes = [torch.cat([x for x, _ in first]).ravel().tolist() for _ in range(3)]
    repeated = [torch.cat([x for x, _ in again]).ravel().tolist() for _ in range(3)]
    assert passes == repeated
    assert len({tuple(order) for order in passes}) == 3


def test_batches_draw_nothing_from_the_global_generator(dataset):
    before = torch.get_rng_state()
    list(batches_of(dataset, 5, seed=1))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_nested_dropout_cuts_the_codes_of_some_rows(share):
    dataset = TensorDataset(torch.arange(4000.0)[:, None])
    generator = torch.Generator().manual_seed(0)
    batches = ResidentBatches(dataset, 500, generator, 6, share)
    parts = [x if isinstance(x, dict) else {"x": x} for x, _ in batches]
    targets = [target for _, target in batches_of(dataset, 500)]
    assert sum(len(part["x"]) for part in parts) == sum(len(x) for (x,) in targets)
    whole = torch.full((500, 1), 6.0)
    n_kept = torch.cat([part.get("n_kept", whole) for part in parts]).ravel()
    assert set(n_kept.tolist()) <= {1.0, 2.0, 3.0, 4.0, 5.0, 6.0}
    assert abs(float((n_kept < 6).double().mean()) - share) < 0.03
