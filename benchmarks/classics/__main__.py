"""Fit the autoencoders of the textbooks to images, beside PCA.

``python -m benchmarks.classics --data DIR``, with DIR/mnist and DIR/fashion-mnist.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from benchmarks.cells import machine
from benchmarks.classics import cases, figures
from benchmarks.classics.cases import Fitted
from benchmarks.compression import RESULTS
from benchmarks.images import Images, load_images
from benchmarks.markdown import bullets, machine_lines, markdown
from benchmarks.report import write_rows

CASES = {
    "sigmoid output": (cases.sigmoid_output, "fashion-mnist", 10),
    "denoising": (cases.denoising, "mnist", 10),
    "sparse codes": (cases.sparse_codes, "digits", 60),
    "cross-entropy": (cases.bounded_losses, "mnist", 10),
    "heavy tails": (cases.heavy_tails, "digits", 0),
}
COLUMNS = ["mse", "fvu", "psnr", "cross_entropy", "active", "fit_seconds"]
QUICK_IMAGES = 2000
QUICK_EPOCHS = 2


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, metavar="DIR", help="with the images")
    parser.add_argument("--output", type=Path, metavar="DIR", default=RESULTS)
    parser.add_argument("--cases", nargs="+", choices=list(CASES))
    parser.add_argument(
        "--quick", action="store_true", help=f"{QUICK_IMAGES} images, few epochs"
    )
    return parser.parse_args(arguments)


def three_digits(value: object) -> str:
    """Print three digits, or a dash where nothing was measured."""
    return "-" if pd.isna(value) else f"{value:.3g}"


def report(rows: pd.DataFrame) -> str:
    """Lay the cases out, with the machine and the versions."""
    parts = [
        "# The autoencoders of the textbooks",
        "Held-out rows throughout. `mse` and `fvu` are the mean squared error of a "
        "pixel and the fraction of variance unexplained, `cross_entropy` nats per row "
        "above a perfect reconstruction, `psnr` decibels against the clean image, "
        "`active` the share of codes that are not zero. One seed. Written from the CSV "
        "of the same name by `python -m benchmarks.classics`, which also draws the "
        "pictures.",
        bullets(machine_lines(rows)),
    ]
    for case, part in rows.groupby("case", sort=False):
        known = [name for name in COLUMNS if part[name].notna().any()]
        table = part.set_index(["data", "method"])[known]
        parts += [f"## {str(case).capitalize()}", markdown(table, three_digits)]
    return "\n\n".join(parts) + "\n"


def draw(
    case: str, rows: pd.DataFrame, images: Images, fitted: Fitted, stem: Path
) -> None:
    """Draw the pictures of a case."""
    if case == "sigmoid output":
        for name, kind in (("random", "textbook, init='random'"), ("pca", "defaults")):
            path = stem.with_name(f"{stem.name}_fashion_{name}.png")
            figures.reconstructions(images, fitted, kind, path)
    if case == "denoising":
        path = stem.with_name(f"{stem.name}_denoising.png")
        figures.denoised(images, fitted, "init='pca', noise=0.5", path)
    if case == "sparse codes":
        figures.sparsity(rows, stem.with_name(f"{stem.name}_sparsity.png"))


def run(case: str, options: argparse.Namespace, stem: Path) -> pd.DataFrame:
    """Measure a case and draw it."""
    measure, name, epochs = CASES[case]
    images = load_images(options.data, name)
    if options.quick:
        images = Images(
            images.name, images.train[:QUICK_IMAGES], images.test[:QUICK_IMAGES]
        )
        epochs = QUICK_EPOCHS
    print(f"{case} ...", flush=True)
    fitted, rows = Fitted(), []
    for row in measure(images, epochs, fitted):
        rows.append({"case": case, **row, **machine()})
        print({k: v for k, v in row.items() if k != "data"}, flush=True)
    frame = pd.DataFrame(rows)
    draw(case, frame, images, fitted, stem)
    return frame


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark."""
    options = parse(arguments)
    options.output.mkdir(parents=True, exist_ok=True)
    stem = options.output / ("classics_quick" if options.quick else "classics")
    parts = [run(case, options, stem) for case in options.cases or CASES]
    rows = pd.concat(parts, ignore_index=True).reindex(
        columns=["case", "data", "method", *COLUMNS, "penalty", *machine()]
    )
    write_rows(rows, stem.with_suffix(".csv"))
    text = stem.with_suffix(".md")
    text.write_text(report(rows), encoding="utf-8")
    print(f"Wrote {text}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
