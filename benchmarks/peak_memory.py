"""How much memory a piece of work needs beyond what was in use before it."""

import ctypes
import gc
from contextlib import suppress
from pathlib import Path
from types import TracebackType

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
# proc(5): writing 5 sets the peak resident set size to the present one.
_RESET_PEAK = "5"


class PeakMemory:
    """Measure by how much the resident set of this process grows at most.

    The kernel keeps the peak itself (`VmHWM`), so that nothing between two samples is
    missed, and it counts every page of the process: NumPy's, BLAS's and torch's alike.
    The peak is reset on entry, after freed memory has gone back to the system. Child
    processes are not counted. On systems other than Linux the result is NaN.

    Attributes
    ----------
    megabytes : float
        Peak resident set inside the block minus the resident set at its start, in units
        of 10^6 bytes.
    """

    megabytes = float("nan")

    def __enter__(self) -> "PeakMemory":
        gc.collect()
        # Not every C library has it; the peak is then seen from a higher start.
        with suppress(AttributeError, OSError, TypeError):
            ctypes.CDLL(None).malloc_trim(0)
        with suppress(OSError):
            _CLEAR.write_text(_RESET_PEAK)
            self._before = _resident("VmRSS")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if hasattr(self, "_before"):
            # The kernel updates its counts in steps, so that "nothing" can be below 0.
            self.megabytes = max(0.0, _resident("VmHWM") - self._before)


def _resident(key: str) -> float:
    """Read a resident set size, in units of 10^6 bytes."""
    for line in _STATUS.read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024 / 1e6
    return float("nan")
