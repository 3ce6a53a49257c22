"""Lay the speed benchmark out as Markdown, from its CSV alone."""

from collections.abc import Iterator

import pandas as pd

from benchmarks.measuring import CPU_SECONDS, SECONDS
from benchmarks.reports import distinct, markdown
from benchmarks.speed import (
    encoding,
    epochs,
    quality,
    scale,
    side_by_side,
    sparse,
    start,
    summary,
    transform,
)

INTRO = """\
# Speed and memory

How long `sklearn_ae.AutoencoderTransformer` takes and how much memory, beside what else
could be used. Machines are shared and absolute times mean little: methods are measured
in alternation, and what counts is the ratio of figures of the same repeat, of which the
median, the lowest and the highest are shown. Where all methods work with one thread,
seconds are those of the processor (cpu), which are the clock's on an idle machine and
leave out the time in which something else ran. README.md says what is compared.
Written from the CSV of the same name by `python -m benchmarks speed`.
"""

# Section, quantity, the method all others are divided by, title.
_RATIOS = (
    (epochs.SECTION, CPU_SECONDS, epochs.LOOP, "Epochs"),
    (transform.SECTION, CPU_SECONDS, transform.OURS, "Transform"),
    (transform.ROW_SECTION, CPU_SECONDS, transform.REFERENCE, "Transform of one row"),
    (transform.BACK_SECTION, CPU_SECONDS, transform.REFERENCE, "One row back"),
    (encoding.SECTION, CPU_SECONDS, encoding.REFERENCE, "Encoding of a mixed table"),
    (scale.SECTION, scale.PER_ROW, "", "Fit, per row and epoch"),
    (side_by_side.SECTION, SECONDS, side_by_side.SERIAL, "Two jobs"),
    (side_by_side.BUSY_SECTION, SECONDS, side_by_side.ALONE, "Beside a busy core"),
    (start.SECTION, CPU_SECONDS, start.REQUIREMENTS, "Import"),
    (epochs.GPU_SECTION, SECONDS, epochs.LOOP, "Epochs on a GPU"),
)
_FIGURES = (
    (
        transform.MEMORY_SECTION,
        "megabytes",
        "Memory of transform, input and output aside",
    ),
    (scale.MEMORY_SECTION, "megabytes", "Peak memory of fit, beyond its input"),
    (sparse.SECTION, sparse.PEAK, "Sparse rows: peak memory of the process"),
    (sparse.SECTION, CPU_SECONDS, "Sparse rows: seconds of the processor"),
    (sparse.SECTION, sparse.EXPLAINED, "Sparse rows: share of variance explained"),
    (side_by_side.THREADS_SECTION, "threads", "Number of threads of the caller"),
    (epochs.WAITS_SECTION, "waits", "Waits for the GPU in an epoch"),
)


def notes(rows: pd.DataFrame) -> list[str]:
    """Say how busy the machine was, and what is missing."""
    lines = [
        f"{section}: {distinct(group, 'threads')} thread(s), load average "
        f"{group['load'].median():.1f}"
        for section, group in rows.groupby("section", sort=False)
    ]
    if not (rows["section"] == epochs.GPU_SECTION).any():
        lines.append("**GPU: skipped**, torch saw no CUDA device or was not asked")
    measured = set(rows.loc[rows["section"] == quality.SECTION, "method"])
    missing = [name for name in quality.OTHERS if name not in measured]
    return [*lines, *(f"**{name}: not measured**" for name in missing)]


def ratio_text(
    rows: pd.DataFrame, section: str, quantity: str, reference: str, title: str
) -> str:
    """Show figures as ratios to a reference method, or to the first if none."""
    values = summary.wide(rows, section, quantity)
    if values.empty:
        return ""
    reference = reference or str(values.columns[0])
    if reference not in values:
        return ""
    table = summary.spread(values.div(values[reference], axis=0))
    table.insert(0, quantity, summary.spread(values)["median"])
    return f"## {title}\n\nRatios to {reference}.\n\n{markdown(table)}"


def quality_text(rows: pd.DataFrame) -> str:
    """Show how soon ours is as good as each other method, and what they cost."""
    fvu = summary.wide(rows, quality.SECTION, quality.FVU)
    if fvu.empty:
        return ""
    seconds = summary.wide(rows, quality.SECTION, CPU_SECONDS)
    others = [name for name in fvu if name != quality.OURS]
    table = pd.DataFrame({name: summary.speedups(rows, name) for name in others})
    table = table.reindex(fvu.index.unique("case"))
    parts = [
        "## Time to quality",
        f"How many times sooner than each method {quality.OURS} is as good as that "
        "method gets; 0 where it does not get there. Median over the splits. It is "
        "looked at after each epoch, as the plain loop is, in the course of one fit "
        "with default parameters; where that does not get there, of one with "
        f"{' or '.join(map(str, quality.MORE_EPOCHS))} times as many epochs, as the "
        "promises above say.",
        markdown(table),
        "Held-out FVU of the whole fit, of the plain loop in its best epoch; median "
        "over the splits:",
        markdown(fvu.groupby(level="case", sort=False).median()),
        "Processor seconds until then, median over the splits:",
        markdown(seconds.groupby(level="case", sort=False).median()),
    ]
    return "\n\n".join(parts)


def figure_text(rows: pd.DataFrame, section: str, quantity: str, title: str) -> str:
    """Show figures that are not compared by ratios."""
    values = summary.wide(rows, section, quantity)
    if values.empty:
        return ""
    table = values.groupby(level="case", sort=False).median()
    return f"## {title}\n\nIn {quantity}.\n\n{markdown(table)}"


def report(rows: pd.DataFrame) -> Iterator[str]:
    """Lay out all sections; those that were not measured are empty."""
    yield quality_text(rows)
    yield from (ratio_text(rows, *section) for section in _RATIOS)
    yield from (figure_text(rows, *section) for section in _FIGURES)
