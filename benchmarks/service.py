"""The service of the examples under load: rows a second, and how long answers take."""

import http.client
import json
import socket
import subprocess
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.records import Row
from benchmarks.reports import markdown, three_digits
from benchmarks.suite import Suite

EXAMPLES = Path(__file__).parents[1] / "examples"
ROW = {"age": 0.04, "bmi": 0.06, "bp": 0.02, "s5": -0.01}
SIZES = (1, 100, 1000)
N_CLIENTS = 2
PATIENCE = 120.0  # seconds until the service is up
SECONDS, QUICK_SECONDS = 120.0, 3.0
QUANTILES = {"p50": 0.5, "p99": 0.99}

INTRO = """\
# A service under load

`examples/service.py`, uvicorn with one process, asked without pause by two other
processes on the same machine, each of which waits for an answer before it asks again.
Milliseconds from question to answer, by the rows of a question. Written from the CSV of
the same name by `python -m benchmarks service`.
"""


@contextmanager
def served() -> Iterator[int]:
    """Start the service; give its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    command = [sys.executable, "-m", "uvicorn", "--factory", "service:example_app",
               "--port", str(port), "--log-level", "error"]  # fmt: skip
    with subprocess.Popen(command, cwd=EXAMPLES) as server:
        try:
            _wait(server, port)
            yield port
        finally:
            server.terminate()


def _wait(server: subprocess.Popen, port: int) -> None:
    """Wait until the service listens."""
    end = time.monotonic() + PATIENCE
    while server.poll() is None and time.monotonic() < end:
        with socket.socket() as asked:
            if asked.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    state = "is not ready" if server.returncode is None else "has ended"
    raise RuntimeError(f"the service {state} (status {server.returncode}).")


def ask(port: int, n_rows: int, seconds: float) -> list[float]:
    """Ask for codes of rows without pause; return how long each answer took."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    body = json.dumps({"rows": [ROW] * n_rows})
    headers = {"content-type": "application/json"}
    found, end = [], time.perf_counter() + seconds
    while (start := time.perf_counter()) < end:
        connection.request("POST", "/encode", body, headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"a question was answered with status {answer.status}.")
        found.append(time.perf_counter() - start)
    return found


def measure(options: Namespace, kept: pd.DataFrame) -> Iterator[Row]:
    """Ask for each number of rows, as long as the options say in all."""
    seconds = QUICK_SECONDS if options.quick else options.seconds
    share = seconds / len(SIZES)

    def rows() -> Iterator[Row]:
        with (
            served() as port,
            ProcessPoolExecutor(N_CLIENTS, get_context("spawn")) as clients,
        ):
            for n_rows in SIZES:
                jobs = [
                    clients.submit(ask, port, n_rows, share) for _ in range(N_CLIENTS)
                ]
                times = np.concatenate([job.result() for job in jobs])
                yield {
                    "table": "diabetes",
                    "method": "service",
                    "n_rows": n_rows,
                    "questions": len(times),
                    "rows_per_second": n_rows * len(times) / share,
                    **{name: np.quantile(times, q) for name, q in QUANTILES.items()},
                }

    return rows()


def add_options(parser: ArgumentParser) -> None:
    """Add the options of this suite."""
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, help="of all questions"
    )


def report(rows: pd.DataFrame) -> Iterator[str]:
    """Show one line for each number of rows."""
    found = rows.set_index("n_rows")
    table = found[["questions", "rows_per_second"]].astype(float)
    for name in QUANTILES:
        table[f"{name}, ms"] = found[name] * 1000
    table = table.rename(columns={"rows_per_second": "rows/s"})
    yield markdown(table.rename_axis("rows of a question"), three_digits)


SUITE = Suite(
    intro=INTRO,
    columns=("table", "method", "n_rows", "questions", "rows_per_second", *QUANTILES),
    measure=measure,
    report=report,
    add_options=add_options,
)
