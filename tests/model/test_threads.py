"""The caller's number of threads."""

import pytest
import torch

from sklearn_ae._model.threads import one_thread, without_denormals


def takes_denormals_for_zero():
    return bool(torch.tensor(1e-40, dtype=torch.float32) * 1 == 0)


def test_one_thread_restores_the_count(two_threads):
    with one_thread():
        assert torch.get_num_threads() == 1
        with one_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2


def test_one_thread_restores_the_count_after_an_error(two_threads):
    with pytest.raises(RuntimeError, match="stop"), one_thread():
        raise RuntimeError("stop")
    assert torch.get_num_threads() == 2


@pytest.fixture(params=[False, True])
def mode(request):
    """Whether the caller takes denormal numbers for 0."""
    if not torch.set_flush_denormal(True):
        pytest.skip("this processor has one mode alone")
    torch.set_flush_denormal(request.param)
    yield request.param
    torch.set_flush_denormal(False)


def test_mode_of_denormals_is_restored(mode):
    assert takes_denormals_for_zero() == mode
    with without_denormals():
        assert takes_denormals_for_zero()
    with pytest.raises(RuntimeError, match="stop"), without_denormals():
        raise RuntimeError("stop")
    assert takes_denormals_for_zero() == mode


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64])
def test_mode_of_denormals_is_restored_whatever_the_default_dtype(mode, dtype):
    torch.set_default_dtype(dtype)
    try:
        with without_denormals():
            assert takes_denormals_for_zero()
    finally:
        torch.set_default_dtype(torch.float32)
    assert takes_denormals_for_zero() == mode


def test_training_takes_denormals_for_zero(mode, quick, curved):
    found = []

    def loss(reconstruction, rows):
        if reconstruction.requires_grad:
            found.append(takes_denormals_for_zero())
        return (reconstruction - rows) ** 2

    quick(loss=loss).fit(curved)
    assert len(found) > 0
    assert all(found)
    assert takes_denormals_for_zero() == mode
