import re
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose

from benchmarks import baselines
from benchmarks.baselines import PlainAutoencoder
from benchmarks.cells import machine, split_table
from benchmarks.datasets import Table, linear_redundancy
from benchmarks.methods import COMPRESSORS
from benchmarks.promises import at_least, at_most, print_verdicts, verdicts
from benchmarks.speed import __main__ as speed
from benchmarks.speed import (
    epochs,
    gpu,
    quality,
    scale,
    side_by_side,
    start,
    summary,
    transform,
)
from benchmarks.speed.report import read_rows, speed_text
from benchmarks.speed.timing import (
    Measurement,
    Sizes,
    alternate,
    one_thread,
    stopwatch,
)

TINY = Sizes(
    repeats=1,
    fit_repeats=1,
    epoch_rows=(64, 300),
    n_steps=2,
    transform_rows=300,
    single_calls=2,
    memory_rows=200,
    scale_rows=(100, 300),
    side_by_side_rows=40,
    max_iter=1,
)


def rows_of(measurements: list[Measurement]) -> pd.DataFrame:
    circumstances = {"part": "", "load": 1.0, "threads": 1, **machine()}
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


@pytest.fixture
def toy() -> Table:
    return linear_redundancy(n_samples=60, n_features=6, n_factors=2)


@pytest.fixture
def few_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baselines, "N_EPOCHS", 5)
    monkeypatch.setattr(quality, "N_EPOCHS", 5)


@pytest.fixture
def fast_default(monkeypatch: pytest.MonkeyPatch, quick) -> None:
    monkeypatch.setitem(COMPRESSORS, "autoencoder", lambda k, seed: quick(k))


def kept(rows: pd.DataFrame) -> dict[str, bool | None]:
    return {p.promised: p.kept for p in summary.promises(rows)}


def test_methods_alternate_and_take_turns_to_be_first():
    calls = []

    def prepare(name):
        calls.append(f"prepare {name}")
        return lambda: calls.append(name)

    methods = {name: lambda name=name: prepare(name) for name in "ab"}
    found = list(alternate("section", "case", methods, repeats=2))
    timed = [call for call in calls if len(call) == 1]
    assert timed == ["a", "b", "a", "b", "b", "a"]
    assert [(m.method, m.repeat) for m in found[::2]] == [
        ("a", 0), ("b", 0), ("b", 1), ("a", 1),
    ]  # fmt: skip
    assert {m.quantity for m in found} == {"seconds", "cpu_seconds"}


def test_stopwatch_tells_the_clock_from_the_processor():
    figures = stopwatch(lambda: torch.ones(10).sum())
    assert set(figures) == {"seconds", "cpu_seconds"}
    assert all(value >= 0 for value in figures.values())


@pytest.mark.usefixtures("two_threads")
def test_number_of_threads_is_restored():
    with one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2


def test_ratios_divide_figures_of_the_same_repeat(epoch_rows):
    values = summary.wide(epoch_rows, "epochs", "cpu_seconds")
    assert list(values) == ["autoencoder", "loop", "skorch"]
    found = summary.medians(summary.ratios(values, "autoencoder", "loop"))
    assert list(found.index) == ["9 rows", "10 rows"]
    assert_allclose(found, [1.1, 1.0])
    assert summary.highest(found) == (pytest.approx(1.1), " (9 rows)")
    assert summary.lowest(found) == (1.0, " (10 rows)")


def test_spread_shows_median_lowest_and_highest(epoch_rows):
    values = summary.wide(epoch_rows, "epochs", "cpu_seconds")
    table = summary.spread(values.div(values["loop"], axis=0))
    found = table.loc[("9 rows", "autoencoder")]
    assert_allclose(found.to_numpy(dtype=float), [1.1, 1.0, 1.2, 3])


def test_what_was_not_measured_is_not_promised(epoch_rows):
    values = summary.wide(epoch_rows, "epochs", "cpu_seconds")
    assert summary.ratios(values, "autoencoder", "nobody").empty
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


def test_verdicts_say_what_is_kept(capsys):
    promises = [
        at_most("at most {:.1f}", 1.2, 1.0, " (here)", 2),
        at_least("at least {:.1f}", 1.2, 1.0),
        at_least("at least {:.1f}", float("nan"), 1.0),
    ]
    assert verdicts(promises) == (
        "## What was promised\n\n"
        "- **MISSED**: at most 1.0; found 1.20 (here)\n"
        "- kept: at least 1.0; found 1.2000\n"
        "- not measured: at least 1.0; found nothing"
    )
    assert not print_verdicts(promises)
    assert "MISSED  at most 1.0; found 1.20 (here)\n" in capsys.readouterr().out
    assert print_verdicts(promises[1:])


def test_epochs_section_measures_every_loop():
    rows = rows_of(list(epochs.measure(TINY)))
    assert set(rows["case"]) == {"64 rows", "300 rows"}
    per_method = rows[rows["quantity"] == "seconds"]["method"].value_counts()
    assert per_method.to_dict() == dict.fromkeys(
        (epochs.LOOP, epochs.OURS, epochs.VALIDATING, epochs.SKORCH,
         epochs.SKORCH_FUSED), 2,
    )  # fmt: skip
    assert (rows["value"] > 0).all()
    assert epochs.n_epochs(300, 7, batch_size=128) == 2
    assert epochs.n_epochs(300, 1, batch_size=128) == 1


@pytest.mark.parametrize("method", ["ours", "loop", "skorch"])
def test_every_loop_lowers_the_loss_of_the_module(method, monkeypatch):
    race = epochs.Race(300, 3)
    module, criterion = race._untrained()
    monkeypatch.setattr(race, "_untrained", lambda: (module, criterion))

    def loss() -> float:
        with torch.no_grad():
            return float(criterion(module(race.x), (race.x,)))

    before = loss()
    getattr(race, method)()()
    assert loss() < before


@pytest.mark.usefixtures("few_epochs")
def test_time_to_quality_ends_at_the_best_epoch(toy):
    split = split_table(toy, 0)
    best = quality.best_of_loop(2, split, seed=0)
    assert set(best) == {"seconds", "cpu_seconds", quality.FVU}
    final = quality.held_out_fvu(PlainAutoencoder(2, 0).fit(split.X), split)
    assert best[quality.FVU] <= final


def test_seconds_until_a_target_leave_out_the_epochs_after_it():
    seconds = {"seconds": 10.0, "cpu_seconds": 5.0}
    fit = quality.Fit(seconds, fvus=[0.4, 0.2, 0.3, 0.1], epochs=[1.0, 2.0, 3.0, 2.0])
    found = [fit.until(target) for target in (0.5, 0.2, 0.15, 0.1, 0.05)]
    np.testing.assert_allclose(found, [1.5, 2.5, 5.0, 5.0, np.inf])


@pytest.mark.usefixtures("fast_default")
def test_targets_out_of_reach_get_more_epochs(toy, monkeypatch):
    monkeypatch.setattr(quality, "MORE_EPOCHS", (2, 3))
    epochs = []
    course = quality.Fit.of.__func__

    def of(cls, model, split):
        epochs.append(model.max_iter)
        return course(cls, model, split)

    monkeypatch.setattr(quality.Fit, "of", classmethod(of))
    found = quality.our_fit(2, split_table(toy, 0), 0, {"all": 0.0, "any": 1e9})
    assert epochs == [4, 8, 12]
    assert found[quality.until("all")] == np.inf
    assert found[quality.epochs_until("any")] == 1
    assert 0 < found[quality.until("any")] < found["cpu_seconds"]


@pytest.mark.usefixtures("few_epochs")
def test_failure_of_ours_is_as_good_as_nothing(toy, monkeypatch):
    def fail(*arguments: object) -> None:
        raise RuntimeError("no luck")

    monkeypatch.setattr(quality, "OTHERS", ())
    monkeypatch.setattr(quality, "our_fit", fail)
    rows = rows_of(list(quality.measure(TINY, [toy])))
    assert summary.speedups(rows, "plain").to_list() == [0.0]


@pytest.mark.usefixtures("fast_default")
def test_fit_without_epochs_is_looked_at_once(quick):
    table = linear_redundancy(n_samples=60, n_features=6, n_factors=2)
    fit = quality.Fit.of(quick(6), split_table(table, 0))
    assert (len(fit.fvus), fit.epochs) == (1, [])
    assert fit.until(1.0) == fit.figures["cpu_seconds"]


@pytest.mark.usefixtures("fast_default")
def test_course_of_a_fit_ends_with_its_result(toy, quick):
    split = split_table(toy, 0)
    course = quality.Course(split)
    model = quick(2, max_iter=3).set_callbacks(course).fit(split.X)
    assert len(course.fvus) == 3
    assert course.fvus[-1] == pytest.approx(quality.held_out_fvu(model, split))


@pytest.mark.usefixtures("few_epochs", "fast_default")
def test_quality_section_measures_others_once(toy, monkeypatch):
    monkeypatch.setattr(quality, "OTHERS", ("PCA",))
    sizes = Sizes(fit_repeats=2)
    rows = rows_of(list(quality.measure(sizes, [toy])))
    assert set(rows["case"]) == {"linear k=5"}
    fits = rows[rows["quantity"] == quality.FVU].groupby("method")["repeat"].count()
    assert fits.to_dict() == {"PCA": 1, "autoencoder": 2, "plain": 2}
    assert list(rows["error"].unique()) == [""]


@pytest.mark.usefixtures("few_epochs")
def test_failing_method_is_reported(toy, monkeypatch):
    def fail(*arguments: object) -> None:
        raise RuntimeError("no luck")

    monkeypatch.setattr(quality, "OTHERS", ("PCA",))
    monkeypatch.setattr(quality, "whole_fit", fail)
    rows = rows_of(list(quality.measure(TINY, [toy])))
    failed = rows[rows["method"] == "PCA"]
    assert list(failed["error"].unique()) == ["RuntimeError: no luck"]
    assert failed["value"].isna().all()
    assert "**failed**: PCA, linear k=5: RuntimeError: no luck" in speed_text(rows)


def test_transform_section_measures_time_and_memory(monkeypatch):
    monkeypatch.setattr(transform, "apart", lambda function, *args: function(*args))
    rows = rows_of(list(transform.measure(TINY)))
    encoders = {f"encoder, {n} rows at a time" for n in (256, 300)}
    counts = rows.groupby("section")["method"].agg(set)
    ours = {transform.OURS, transform.STEPPED}
    assert counts[transform.SECTION] == {*ours, *encoders}
    assert counts[transform.ROW_SECTION] == {*ours, transform.REFERENCE}
    assert counts[transform.MEMORY_SECTION] == ours


def test_promises_of_transform_are_about_the_encoder_alone():
    X = transform.make_rows(300)
    assert transform.fitted(X).net_.module_.projection is None
    assert transform.fitted(X, transform.STEPPED).net_.module_.projection is not None


def test_bare_encoder_gives_the_same_codes():
    X = transform.make_rows(300)
    estimator = transform.fitted(X)
    encoder = estimator._codec.modules[X.dtype]
    scaled = estimator._codec._to_scaled(X)
    codes = transform._encode(encoder, scaled, 256) * estimator._codec.code_scale
    assert_allclose(codes, estimator.transform(X), rtol=1e-4, atol=1e-5)


def test_scale_section_measures_each_size_and_dtype(monkeypatch):
    monkeypatch.setattr(scale, "apart", lambda function, *args: function(*args))
    rows = rows_of(list(scale.measure(TINY)))
    times = summary.wide(rows, scale.SECTION, scale.PER_ROW)
    assert list(times) == ["100 rows", "300 rows"]
    memory = summary.wide(rows, scale.MEMORY_SECTION, "megabytes")
    assert list(memory) == [scale.COPY, scale.SINGLE, scale.DOUBLE]
    assert_allclose(memory[scale.COPY], 200 * 50 * 4 / 1e6)


def test_time_is_per_row_and_epoch(monkeypatch):
    fits = [
        Measurement(scale.SECTION, "", "100 rows", 0, "cpu_seconds", 6.0),
        Measurement(scale.SECTION, "", "100 rows", 0, "seconds", 9.0),
        Measurement(scale.SECTION, "", "300 rows", 0, "cpu_seconds", 6.0),
    ]
    monkeypatch.setattr(scale, "alternate", lambda *args, **kwargs: iter(fits))
    values = [figure.value for figure in scale.times(TINY)]
    # Three fits of 100 rows and one of 300, each of two epochs.
    assert_allclose(values, [1e4, 1e4])


def test_side_by_side_section_leaves_threads_alone(monkeypatch):
    monkeypatch.setattr(side_by_side, "Parallel", lambda n_jobs: list)
    monkeypatch.setattr(
        side_by_side, "cross_val_score", lambda model, X, cv, n_jobs: model.fit(X)
    )
    count = torch.get_num_threads()
    rows = rows_of(list(side_by_side.measure(TINY)))
    assert torch.get_num_threads() == count
    cases = rows.groupby("section")["case"].agg(set)
    both = {side_by_side.OURS, side_by_side.CONTROL}
    assert cases[side_by_side.SECTION] == cases[side_by_side.BUSY_SECTION] == both
    threads = summary.wide(rows, side_by_side.THREADS_SECTION, "threads")
    assert list(threads["before"]) == list(threads["after"]) == [1, 2]


def test_start_section_imports_in_fresh_interpreters(monkeypatch):
    commands = []
    monkeypatch.setattr(
        start.subprocess, "run", lambda command, check: commands.append(command[-1])
    )
    rows = rows_of(list(start.measure(TINY)))
    assert set(commands) == {"import sklearn_ae", "import torch, sklearn, skorch"}
    assert set(rows["method"]) == {start.OURS, start.REQUIREMENTS}


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_gpu_section_is_skipped_visibly(epoch_rows, capsys):
    assert speed.run("gpu", TINY, []).empty
    assert "gpu: skipped" in capsys.readouterr().out
    assert "**GPU: skipped**" in speed_text(epoch_rows)


def test_gpu_section_times_small_and_large_batches(monkeypatch):
    monkeypatch.setattr(gpu, "BATCH_SIZES", (32, 64))
    rows = rows_of(list(gpu.times(TINY, "cpu")))
    assert set(rows["case"]) == {
        f"{n} rows, batches of {size}" for n in (64, 300) for size in (32, 64)
    }
    assert set(rows["method"]) == {epochs.LOOP, epochs.OURS}


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_waits_for_the_gpu_are_counted():
    rows = rows_of(list(gpu.waits(TINY)))
    assert (rows["value"] >= 1).all()
    assert gpu.n_waits(torch.cuda.current_device) == 0


@pytest.mark.usefixtures("few_epochs", "fast_default")
def test_sections_are_measured_written_and_reported(tmp_path, monkeypatch, toy):
    monkeypatch.setattr(speed, "QUICK", TINY)
    monkeypatch.setattr(speed, "load_tables", lambda folder, names: [toy])
    monkeypatch.setattr(quality, "OTHERS", ())
    options = ["--quick", "--output", str(tmp_path), "--fit-repeats", "1"]
    options += ["--sections"]
    speed.main([*options, "quality"])
    path = tmp_path / "speed_quick.csv"
    first = read_rows(path)
    assert set(first["part"]) == {"quality"}
    speed.main([*options, "epochs"])
    both = read_rows(path)
    assert set(both["part"]) == {"quality", "epochs"}
    pd.testing.assert_frame_equal(both[: len(first)], first)
    text = (tmp_path / "speed_quick.md").read_text(encoding="utf-8")
    assert text == speed_text(both)
    for heading in ("## What was promised", "## Time to quality", "## Epochs"):
        assert heading in text
    assert "nan" not in text


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (["--sections", "epoch"], "no section ['epoch']; there are ['start', "),
        (["--data", "nowhere"], "'nowhere' has no file tabular/*.npz"),
        (["--report-only"], "nothing was measured."),
    ],
)
def test_wrong_options_are_named(option, message, tmp_path):
    with pytest.raises(SystemExit, match=re.escape(message)):
        speed.main([*option, "--output", str(tmp_path)])


def test_only_digits_and_the_tables_of_a_folder_are_timed(toy, monkeypatch):
    tables = [*speed.load_tables(None, ["digits", "wine"]), toy]
    monkeypatch.setattr(
        speed, "load_tables", lambda folder, names: tables[: None if folder else 2]
    )
    assert [t.name for t in speed.chosen_tables("folder", quick=False)] == [
        "digits", "linear",
    ]  # fmt: skip
    assert [t.name for t in speed.chosen_tables("folder", quick=True)] == ["digits"]


@pytest.mark.usefixtures("few_epochs")
def test_plain_loop_can_be_watched(toy):
    X = split_table(toy, 0).X
    watched = PlainAutoencoder(2, 0)
    assert len(list(watched.epochs(X))) == 5
    codes = PlainAutoencoder(2, 0).fit(X).transform(X)
    assert np.array_equal(watched.transform(X), codes)
