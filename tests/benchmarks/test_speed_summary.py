from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from benchmarks import records
from benchmarks.speed import (
    SUITE,
    quality,
    scale,
    side_by_side,
    sparse,
    summary,
    transform,
)
from benchmarks.speed.timing import Measurement


def rows_of(measurements: list[Measurement]) -> pd.DataFrame:
    circumstances = {"part": "", **records.circumstances()}
    return pd.DataFrame([{**asdict(m), **circumstances} for m in measurements])


def seconds(section, case, quantity="cpu_seconds", **methods) -> list[Measurement]:
    """Give each method its figures, one a repeat."""
    return [
        Measurement(section, case, name.replace("_", " "), repeat, quantity, value)
        for name, values in methods.items()
        for repeat, value in enumerate(values)
    ]


def quality_rows(name, ours, **others) -> list[Measurement]:
    """Give methods seconds, one a split, and ours those until as good as each."""
    rows = [
        Measurement("quality", name, method, repeat, "cpu_seconds", value)
        for method, values in {"autoencoder": [7.0] * 3, **others}.items()
        for repeat, value in enumerate(values)
    ]
    return rows + [
        Measurement("quality", name, "autoencoder", repeat, quality.until(other), value)
        for other, values in ours.items()
        for repeat, value in enumerate(values)
    ]


@pytest.fixture
def epoch_rows() -> pd.DataFrame:
    figures = {"loop": [1.0, 2.0, 4.0], "skorch": [2.0, 4.0, 8.0]}
    small = seconds("epochs", "9 rows", autoencoder=[1.1, 2.0, 4.8], **figures)
    large = seconds("epochs", "10 rows", autoencoder=[1.0, 1.8, 4.0], **figures)
    return rows_of(small + large)


@pytest.fixture
def sooner() -> pd.DataFrame:
    until = {"plain": [2.0, 1.0, np.inf]}
    flat = quality_rows("flat", until, plain=[8.0, 6.0, 9.0])
    until = {"plain": [1.0], "encdr": [np.inf]}
    bent = quality_rows("bent", until, plain=[9.0], encdr=[9.0])
    return rows_of(flat + bent)


def kept(rows: pd.DataFrame) -> dict[str, bool | None]:
    return {p.promised: p.kept for p in summary.promises(rows)}


def test_ratios_divide_figures_of_the_same_repeat(epoch_rows):
    values = summary.wide(epoch_rows, "epochs", "cpu_seconds")
    assert list(values) == ["autoencoder", "loop", "skorch"]
    part = epoch_rows, "epochs", "cpu_seconds"
    found = summary.divided(*part, "autoencoder", "loop")
    assert list(found.index) == ["9 rows", "10 rows"]
    assert_allclose(found, [1.1, 1.0])
    assert summary.highest(found) == (pytest.approx(1.1), " (9 rows)")
    assert summary.lowest(found) == (1.0, " (10 rows)")


def test_what_was_not_measured_is_not_promised(epoch_rows):
    part = epoch_rows, "epochs", "cpu_seconds"
    assert summary.divided(*part, "autoencoder", "nobody").empty
    assert summary.wide(epoch_rows, "epochs", "tons").empty
    words = list(kept(epoch_rows).values())
    assert words[:3] == [True, None, False]
    assert set(words[3:]) == {None}


def test_epochs_are_compared_with_both_loops(epoch_rows):
    promises = summary.promises(epoch_rows)
    assert promises[0].found == "1.100 (9 rows)"
    assert promises[2].found == "1.818 (9 rows)"


def test_target_that_is_not_reached_counts_as_never(sooner):
    found = summary.speedups(sooner, "plain")
    # The splits of the first table: 4 times sooner, 6 times sooner, and never.
    assert_allclose(found[["flat", "bent"]], [4, 9])
    assert_allclose(summary.speedups(sooner, "encdr"), [0])


def test_missed_target_breaks_the_promise_of_the_mean(sooner):
    mean, worst = summary._quality(sooner, "plain")
    assert (mean.found, mean.kept) == ("6.00", True)
    assert (worst.found, worst.kept) == ("4.00 (flat)", True)
    mean, worst = summary._quality(sooner, "encdr")
    assert mean.kept is worst.kept is False
    mean, _ = summary._quality(sooner[sooner["repeat"] == 2], "plain")
    assert mean.kept is False


def test_cases_that_took_more_epochs_are_named(sooner):
    assert summary.longer_fits(sooner, "plain") == ""
    times = [
        Measurement("quality", name, "autoencoder", 0, quality.epochs_until("plain"), n)
        for name, n in (("flat", 1.0), ("bent", 2.0))
    ]
    rows = pd.concat([sooner, rows_of(times)])
    expected = " (bent: with 2 times the default epochs)"
    assert summary.longer_fits(rows, "plain") == expected
    mean, _ = summary._quality(rows, "plain")
    assert mean.found == f"6.00{expected}"


def test_best_block_size_is_chosen_for_the_encoder():
    measured = seconds("transform", "9 rows", autoencoder=[3.0], PCA=[1.0])
    for block, value in ((8, 2.0), (16, 2.4)):
        name = f"{transform.ENCODER}, {block}"
        measured += [Measurement("transform", "9 rows", name, 0, "cpu_seconds", value)]
    rows = rows_of(measured)
    assert summary.best_encoder(summary.wide(rows, "transform", "cpu_seconds")) == (
        "encoder, 8"
    )
    promise = next(p for p in summary.promises(rows) if "bare encoder" in p.promised)
    assert (promise.found, promise.kept) == ("0.667 (encoder, 8)", False)


def test_memory_is_counted_beyond_what_is_needed():
    figures = {scale.COPY: 200.0, scale.SINGLE: 190.0, scale.DOUBLE: 450.0}
    rows = rows_of(
        [
            Measurement(scale.MEMORY_SECTION, "9 rows", name, 0, "megabytes", value)
            for name, value in figures.items()
        ]
    )
    single, double = (p for p in summary.promises(rows) if "peak memory" in p.promised)
    assert (single.found, single.kept) == ("190 (0.9 float32 copies in all)", True)
    assert (double.found, double.kept) == ("250 (2.2 float32 copies in all)", False)


@pytest.mark.parametrize(("megabytes", "kept"), [(1700.0, True), (16000.0, False)])
def test_sparse_tables_have_to_fit_memory(megabytes, kept):
    measured = Measurement(
        sparse.SECTION, "many", sparse.OURS, 0, sparse.PEAK, megabytes
    )
    found = summary.promises(rows_of([measured]))
    (promise,) = (p for p in found if "sparse cells" in p.promised)
    assert (promise.found, promise.kept) == (f"{megabytes:.0f}", kept)


def test_what_the_machine_allows_is_shown_beside_ours():
    here = side_by_side
    rows = rows_of(
        [
            Measurement(here.SECTION, case, method, 0, "seconds", value)
            for case, pair in ((here.OURS, (2.0, 1.0)), (here.CONTROL, (2.0, 1.2)))
            for method, value in zip((here.SERIAL, here.PARALLEL), pair, strict=True)
        ]
    )
    promise = next(p for p in summary.promises(rows) if "two jobs" in p.promised)
    assert promise.found == f"0.500 ({here.CONTROL}: 0.600)"
    assert promise.kept


def test_spread_shows_median_lowest_and_highest(epoch_rows):
    values = summary.wide(epoch_rows, "epochs", "cpu_seconds")
    table = summary.spread(values.div(values["loop"], axis=0))
    found = table.loc[("9 rows", "autoencoder")]
    assert_allclose(found.to_numpy(dtype=float), [1.1, 1.0, 1.2, 3])


def test_missing_sections_are_named(epoch_rows):
    text = SUITE.text(epoch_rows)
    assert "**GPU: skipped**" in text
    assert "- **dimkit: not measured**" in text
