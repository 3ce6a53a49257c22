"""Waiting for workers, but not for ever."""

import time
from typing import Any

import dask

# Seconds without any worker before a fit gives up.
PATIENCE = 300


def computed(task: Any) -> Any:
    """Compute a task, or a list of them, where Dask's settings say.

    With a cluster that has no worker at all, raise after `sklearn_ae.patience` seconds
    of Dask's configuration. Workers that are paused are waited for.
    """
    client = _client()
    if client is None or _is_in_worker():  # where Dask lets other tasks run meanwhile
        return dask.compute(task)[0]
    if client.asynchronous:
        raise ValueError(
            "The client is asynchronous, but fit and score wait for their results. "
            "Make it with asynchronous=False."
        )
    future = client.compute(dask.delayed(task))
    patience = dask.config.get("sklearn_ae.patience", PATIENCE)
    seen = time.monotonic()
    try:
        while not future.done():
            if client.scheduler_info(n_workers=1)["workers"]:
                seen = time.monotonic()
            elif time.monotonic() - seen > patience:
                raise RuntimeError(
                    f"The cluster at {client.scheduler.address} has had no worker for "
                    f"{patience} seconds. Start some and call again, or set "
                    "sklearn_ae.patience in dask.config."
                )
            _wait(future, min(1.0, patience / 4))
        return future.result()
    finally:
        future.cancel()


def _client() -> Any:
    """Return the client that Dask would compute with, or None for this process."""
    if dask.config.get("scheduler", None) not in (
        None,
        "distributed",
        "dask.distributed",
    ):
        return None
    try:
        from distributed import get_client

        return get_client()
    except (ImportError, ValueError):
        return None


def _is_in_worker() -> bool:
    """Whether this is a task of a worker."""
    from distributed import get_worker

    try:
        get_worker()
    except ValueError:
        return False
    return True


def _wait(future: Any, seconds: float) -> None:
    """Wait for a future, at most so long."""
    from distributed import TimeoutError as Late
    from distributed import wait

    try:
        wait(future, timeout=seconds)
    except Late:
        return
