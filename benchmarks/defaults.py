"""Compare the estimator's defaults with other values, one changed at a time.

``python -m benchmarks.defaults``. Every variant on the same splits of the same tables:
held-out FVU, fit seconds, and a linear model's score on the codes.
"""

import argparse
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from pkgutil import resolve_name
from typing import Any
from unittest.mock import patch

from tqdm import tqdm

from benchmarks import real_tables
from benchmarks.cells import Cell, measure
from benchmarks.compression import (
    QUICK_SIZES,
    QUICK_TABLES,
    append_row,
    load_tables,
    plan,
    split_names,
)
from benchmarks.compression_report import read_rows
from benchmarks.compression_summary import REFERENCE
from benchmarks.datasets import Table
from benchmarks.defaults_report import DEFAULT, OTHER_SEED, defaults_text
from sklearn_ae import AutoencoderTransformer
from sklearn_ae._fit.epochs import auto_max_iter

RESULTS = Path(__file__).parent / "results"
CODE_SIZES = (2, 5, 10)
N_SPLITS = 2
# A fit to its 14,801 training rows takes as long as ten to most other tables.
TOO_SLOW = ("appliances",)

PARAMETERS: dict[str, tuple[Any, ...]] = {
    "learning_rate_init": (0.005, 0.02),
    "alpha": (0.5, 2.0),
    "hidden_layer_sizes": ((128, 64), (256, 64), (128, 128), (256,)),
    "activation": ("relu", "tanh"),
    "batch_size": (64, 512),
    "cv": (None,),
    "early_stopping": (True,),
}
# All are looked up in their modules at each fit, so that a patched value counts.
CONSTANTS: dict[str, tuple[Any, ...]] = {
    "sklearn_ae._training.losses.CODE_SHIFT_COST": (0.1, 0.2, 1.0),
    "sklearn_ae._training.losses.FEW_VALUES": (0,),
    "sklearn_ae._training.losses.MOST_TIMES_DEARER": (2.0, 8.0),
    "sklearn_ae._model.autoencoder.CODE_STEP": (0.1, 0.3, 1.0),
    "sklearn_ae.networks.fully_connected.BANDWIDTHS": (1.0, 3.0),
    "sklearn_ae._training.net.BETAS": ((0.9, 0.999),),
    "sklearn_ae._fit.epochs.TIMES_AT_PCA": (0.0,),
    "sklearn_ae._fit.epochs.TIMES_AT_PCA_FEW_ROWS": (0.0,),
    "sklearn_ae._fit.epochs.MOST_TIMES": (2.0, 4.0),
}
# The name that the trainer imported, as patching the function's own module would miss.
AUTO_EPOCHS = "sklearn_ae._fit.trainer.auto_max_iter"


# Compared by identity, which makes `build` hashable: it is warmed up once per variant.
@dataclass(frozen=True, eq=False)
class Variant:
    """The estimator with something changed; ``constants`` are names with modules."""

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    constants: Mapping[str, Any] = field(default_factory=dict)
    seed_shift: int = 0

    def build(self, n_components: int, random_state: int) -> AutoencoderTransformer:
        """Build the estimator; its fit needs `patched` too."""
        return AutoencoderTransformer(
            n_components,
            random_state=random_state + self.seed_shift,
            device="cpu",
            **self.parameters,
        )

    @contextmanager
    def patched(self) -> Iterator[None]:
        """Change the constants of the package for a while."""
        with ExitStack() as stack:
            for name, value in self.constants.items():
                stack.enter_context(patch(name, value))
            yield

    def measure(self, cell: Cell) -> dict[str, Any]:
        """Measure this variant where ``cell`` says, whatever method that names."""
        own = Cell(cell.table, cell.n_components, cell.split, self.name)
        with self.patched():
            return measure(own, self.build)


def half_the_epochs(n_samples: int) -> int:
    """Return half as many epochs as the estimator would choose."""
    return auto_max_iter(n_samples) // 2


def twice_the_epochs(n_samples: int) -> int:
    """Return twice as many epochs as the estimator would choose."""
    return auto_max_iter(n_samples) * 2


def variants() -> list[Variant]:
    """List what is compared: the defaults first, then one change after the other."""
    defaults = AutoencoderTransformer().get_params()
    found = [Variant(DEFAULT), Variant(OTHER_SEED, seed_shift=1000)]
    for name, values in PARAMETERS.items():
        for value in values:
            change = f"{name} {defaults[name]} -> {value}"
            found.append(Variant(change, parameters={name: value}))
    for path, values in CONSTANTS.items():
        for value in values:
            change = f"{path.rpartition('.')[2]} {resolve_name(path)} -> {value}"
            found.append(Variant(change, constants={path: value}))
    for count in (half_the_epochs, twice_the_epochs):
        change = f"max_iter auto -> {count.__name__.split('_')[0]}"
        found.append(Variant(change, constants={AUTO_EPOCHS: count}))
    return found


def choose_tables(folder: Path | None, names: Sequence[str] | None) -> list[Table]:
    """Load tables; unless they are named, without those that take too long."""
    tables = load_tables(folder, names)
    return [table for table in tables if names or table.name not in TOO_SLOW]


def run(
    tables: Iterable[Table], n_splits: int, code_sizes: Iterable[int], path: Path
) -> None:
    """Measure PCA and all variants, and write each row as it comes.

    The variants take turns on each split, so that whatever else the machine does in
    the meantime slows all of them alike.
    """
    compared = variants()
    # disable=None: nothing is drawn unless stderr is a terminal.
    for cell in tqdm(
        list(plan(tables, [REFERENCE], n_splits, code_sizes)),
        desc="defaults",
        leave=False,
        disable=None,
    ):
        started = time.perf_counter()
        append_row(measure(cell), path)
        for variant in compared:
            append_row(variant.measure(cell), path)
        seconds = time.perf_counter() - started
        tqdm.write(
            f"{cell.table.name}, k={cell.n_components}, split {cell.split}: "
            f"{len(compared)} variants, {seconds:.0f} s"
        )


def write_report(path: Path) -> None:
    """Write the report beside the CSV."""
    text_path = path.with_suffix(".md")
    text_path.write_text(defaults_text(read_rows(path)), encoding="utf-8")
    print(f"Wrote {path} and {text_path}")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.defaults", description=__doc__
    )
    add = parser.add_argument
    add("--data", type=Path, metavar="DIR", help="also use DIR/tabular/*.npz")
    add("--output", type=Path, metavar="DIR", default=RESULTS, help="for the results")
    add("--quick", action="store_true", help="two tables, two code sizes, one split")
    add("--tables", type=split_names, metavar="A,B", help="only these tables")
    add("--n-splits", type=int, default=N_SPLITS, help="splits of each table")
    add("--report-only", action="store_true", help="only write the report anew")
    return parser.parse_args(arguments)


def _measure(options: argparse.Namespace, path: Path) -> None:
    """Measure what the command line asks for."""
    names = options.tables or (QUICK_TABLES if options.quick else None)
    # Loaded first, so that a wrong name is reported before the long part.
    try:
        tables = choose_tables(options.data, names)
    except (FileNotFoundError, ValueError) as error:
        raise SystemExit(str(error)) from None
    sizes = QUICK_SIZES if options.quick else CODE_SIZES
    for line in real_tables.skipped(tables, sizes):
        print(line)
    options.output.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    run(tables, 1 if options.quick else options.n_splits, sizes, path)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark."""
    options = parse(arguments)
    path = options.output / f"defaults{'_quick' if options.quick else ''}.csv"
    if not options.report_only:
        _measure(options, path)
    if not path.exists():
        raise SystemExit(f"{str(path)!r} does not exist: nothing was measured.")
    write_report(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
