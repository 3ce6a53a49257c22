"""The caller's modes of torch, and those that training and inference run under."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any

import torch

_thread_lock = threading.Lock()
_generator_lock = threading.RLock()
_this_thread = threading.local()
_thread_users = 0
_thread_count = 1
_is_forked = False


def _note_fork() -> None:
    """Remember, in a forked child, that other threads have not come along.

    Nor will they give back the locks that they held.
    """
    global _is_forked, _thread_lock, _generator_lock, _thread_users
    _is_forked, _thread_users = True, 0
    _thread_lock, _generator_lock = threading.Lock(), threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)


@contextmanager
def one_thread() -> Iterator[None]:
    """Run torch on one thread, and restore the caller's count at the end.

    The products of a small network are too short to share: a second thread gains
    little on a free machine and costs much on a busy one. Each Python thread has a
    count of its own, but a new one takes over the count that was set last: a count of
    1 that is found while another fit runs is taken to be that fit's.
    """
    global _thread_users, _thread_count
    if getattr(_this_thread, "inside", False):
        yield
        return
    _this_thread.inside = True
    with _thread_lock:
        count = torch.get_num_threads()
        if _thread_users == 0:
            _thread_count = count
        elif count == 1:
            count = _thread_count
        _thread_users += 1
        torch.set_num_threads(1)
    try:
        yield
    finally:
        with _thread_lock:
            _thread_users -= 1
            torch.set_num_threads(count)
        _this_thread.inside = False


def _foreign_modes() -> list[AbstractContextManager[Any]]:
    """Return what undoes a caller's autocast and default device, most often nothing.

    Both change what code means, and undoing them takes time in every call of torch.
    """
    kinds = [kind for kind in ("cpu", "cuda") if torch.is_autocast_enabled(kind)]
    modes: list[AbstractContextManager[Any]] = [
        torch.autocast(kind, enabled=False) for kind in kinds
    ]
    # A new tensor tells sooner than torch.get_default_device.
    if torch.empty(0).device.type != "cpu":
        modes.append(torch.device("cpu"))
    return modes


@contextmanager
def _plain_tensors() -> Iterator[None]:
    """Undo a caller's modes."""
    with ExitStack() as stack:
        for mode in _foreign_modes():
            stack.enter_context(mode)
        yield


@contextmanager
def training_mode() -> Iterator[None]:
    """Give training one thread and gradients, whatever the caller's modes are.

    A caller's inference mode would make tensors that autograd refuses.
    """
    with (
        one_thread(),
        _plain_tensors(),
        torch.inference_mode(False),
        torch.enable_grad(),
    ):
        yield


@contextmanager
def private_generators(seed: int, device: str, needed: bool) -> Iterator[None]:
    """Seed torch's global generators for a while, where a user's network draws of them.

    They belong to the process: fits of such networks wait for each other.
    """
    if not needed:
        yield
        return
    on_cuda = torch.device(device).type == "cuda"
    devices = range(torch.cuda.device_count()) if on_cuda else ()
    with _generator_lock, torch.random.fork_rng(devices):
        torch.manual_seed(seed)
        yield


def inference_mode() -> AbstractContextManager[Any]:
    """Do without gradients, whatever the caller's modes are.

    A forked child uses one thread: it would wait forever for those of its parent.
    """
    plain = torch.inference_mode()
    return _plain_inference(plain) if _is_forked or _foreign_modes() else plain


@contextmanager
def _plain_inference(mode: AbstractContextManager[Any]) -> Iterator[None]:
    """Do without gradients and without a caller's modes."""
    with one_thread() if _is_forked else nullcontext(), _plain_tensors(), mode:
        yield
