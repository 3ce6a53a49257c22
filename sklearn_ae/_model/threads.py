"""The caller's modes of torch, and those that training and inference run under."""

import os
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

import torch

Mode = AbstractContextManager[Any]

_thread_lock = threading.Lock()
_generator_lock = threading.RLock()
_this_thread = threading.local()
_thread_users = 0
_thread_count = 1
_is_forked = False


def _note_fork() -> None:
    """Forget other threads, and their locks, which have not come along to a child."""
    global _is_forked, _thread_lock, _generator_lock, _thread_users
    _is_forked, _thread_users = True, 0
    _thread_lock, _generator_lock = threading.Lock(), threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)


@contextmanager
def one_thread() -> Iterator[None]:
    """Run torch on one thread, and restore the caller's count at the end.

    The products of a small network are too short to share. Each Python thread has a
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


@contextmanager
def without_denormals() -> Iterator[None]:
    """Take for 0 what floats hold with fewer digits, and restore the caller's mode.

    Products with such numbers take some processors ten times as long; the gradients of
    units that are far from active are full of them.
    """
    was_set = bool(torch.tensor(1e-40, dtype=torch.float32) * 1 == 0)  # in this thread
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(was_set)


def _foreign_modes() -> list[Mode]:
    """Return what undoes a caller's autocast and default device, most often nothing.

    Both change what code means, and undoing them takes time in every call of torch.
    """
    kinds = [kind for kind in ("cpu", "cuda") if torch.is_autocast_enabled(kind)]
    modes: list[Mode] = [torch.autocast(kind, enabled=False) for kind in kinds]
    # A new tensor tells sooner than torch.get_default_device.
    if torch.empty(0).device.type != "cpu":
        modes.append(torch.device("cpu"))
    return modes


@contextmanager
def _all_of(*modes: Mode) -> Iterator[None]:
    """Enter modes one after the other."""
    with ExitStack() as stack:
        for mode in modes:
            stack.enter_context(mode)
        yield


def training_mode() -> Mode:
    """Give training one thread and gradients, whatever the caller's modes are.

    A caller's inference mode would make tensors that autograd refuses.
    """
    gradients = torch.inference_mode(False), torch.enable_grad()
    return _all_of(one_thread(), *_foreign_modes(), *gradients)


def inference_mode() -> Mode:
    """Do without gradients, whatever the caller's modes are.

    A forked child uses one thread: it would wait forever for those of its parent.
    """
    modes = [*([one_thread()] if _is_forked else []), *_foreign_modes()]
    plain = torch.inference_mode()
    return _all_of(*modes, plain) if modes else plain


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
