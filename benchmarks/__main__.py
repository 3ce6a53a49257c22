"""Run a suite of the benchmarks: ``python -m benchmarks SUITE``.

Results go to benchmarks/output, or with --record to benchmarks/results and into the
tables of README.md. The exit status is 1 where something promised is missed.
"""

import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from benchmarks import readme
from benchmarks.suite import Suite

HERE = Path(__file__).parent
OUTPUT, RECORD = HERE / "output", HERE / "results"
SUITES = {
    "redundant_features": "a regression behind codes of redundant columns; real tables",
    "compression": "what methods lose when they compress tables (hours)",
    "frontier": "what methods lose, against the seconds of their fits (hours)",
    "downstream": "models behind codes, with and without a target",
    "mixing": "how much a target should weigh: fixed, or by folds",
    "leaks": "whether a target leaks into its codes",
    "shares": "how many codes a share of the variance takes",
    "imputation": "missing cells, beside imputers",
    "mixed": "tables with categories, beside published methods",
    "outliers": "outliers among rows, beside other detectors (an hour)",
    "samples": "samples that resemble rows, beside other methods (half an hour)",
    "encodings": "thousands of categories, and cycles of dates",
    "floor": "500 synthetic tables: never much worse than PCA (minutes)",
    "classics": "the autoencoders of the textbooks, on images",
    "speed": "seconds and memory",
    "scale": "a thousand to 10^8 rows: memory, files, streams, clusters (an hour)",
    "gpu": "tensors that stay on a GPU, beside PCA there (minutes; needs one)",
    "production": "scikit-learn, torch and ONNX: differences and times (minutes)",
    "service": "a service behind HTTP, under load (two minutes)",
    "ablation": "what each mechanism of a fit is worth (an hour or more)",
}


def load(name: str) -> Suite:
    """Import a suite; only the one that runs, as some need what others do not."""
    suite: Suite = import_module(f"benchmarks.{name}").SUITE
    return suite


def parse_suite(arguments: Sequence[str]) -> str:
    """Read the first argument."""
    listed = "\n".join(f"  {name:20}{text}" for name, text in SUITES.items())
    parser = ArgumentParser(
        prog="python -m benchmarks",
        description=f"{__doc__}\n{listed}",
        epilog="python -m benchmarks SUITE --help says which options a suite has.",
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("suite", metavar="SUITE", choices=SUITES)
    return str(parser.parse_args(arguments[:1]).suite)


def parse_options(name: str, suite: Suite, arguments: Sequence[str]) -> Namespace:
    """Read what follows, and decide where results go."""
    parser = ArgumentParser(
        prog=f"python -m benchmarks {name}", description=SUITES[name]
    )
    add = parser.add_argument
    add("--data", type=Path, metavar="DIR", help="also use what is in DIR")
    add("--output", type=Path, metavar="DIR", default=OUTPUT, help="for the results")
    add("--record", action="store_true", help="overwrite the results that git tracks")
    add("--quick", action="store_true", help="a small part of it, for CI")
    add("--report-only", action="store_true", help="only write the report anew")
    suite.add_options(parser)
    options = parser.parse_args(arguments)
    if options.record and (options.quick or options.output != OUTPUT):
        parser.error("--record is for whole runs, without --quick and --output.")
    folder = RECORD if options.record else options.output
    options.stem = folder / f"{name}{'_quick' * options.quick}"
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a suite; the exit status is 1 where a promise is not kept."""
    arguments = sys.argv[1:] if arguments is None else arguments
    name = parse_suite(arguments)
    suite = load(name)
    options = parse_options(name, suite, arguments[1:])
    kept = suite.run(options)
    if options.record:
        readme.update()
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
