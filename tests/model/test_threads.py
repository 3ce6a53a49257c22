"""The caller's number of threads."""

import pytest
import torch

from sklearn_ae._model.threads import one_thread


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
