"""What it costs to import the package, in fresh interpreters."""

import subprocess
import sys
from collections.abc import Iterator
from functools import partial

from benchmarks.measuring import Work
from benchmarks.speed.timing import Measurement, Sizes, alternate

SECTION = "import"
OURS, REQUIREMENTS = "sklearn_ae", "torch, sklearn, skorch"


def _prepare(modules: str) -> Work:
    """Import modules in a fresh interpreter."""
    command = [sys.executable, "-c", f"import {modules}"]
    return partial(subprocess.run, command, check=True)


def measure(sizes: Sizes) -> Iterator[Measurement]:
    """Time the import of the package and that of what it is made of."""
    methods = {name: partial(_prepare, name) for name in (OURS, REQUIREMENTS)}
    yield from alternate(SECTION, "fresh interpreter", methods, sizes.repeats)
