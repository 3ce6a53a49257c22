import re
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose

from benchmarks import __main__ as command
from benchmarks import baselines, internals, records
from benchmarks.baselines import PlainAutoencoder
from benchmarks.datasets import Table, linear_redundancy, load_tables
from benchmarks.measuring import lost_by, one_thread, split_table, stopwatch
from benchmarks.methods import COMPRESSORS
from benchmarks.speed import (
    SUITE,
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
from benchmarks.speed import command as speed
from benchmarks.speed.timing import Measurement, Sizes, alternate

TINY = Sizes(
    repeats=1,
    fit_repeats=1,
    epoch_rows=(64, 300),
    n_steps=2,
    transform_rows=300,
    single_calls=2,
    memory_rows=200,
    scale_rows=(100, 300),
    sparse_shape=(60, 400),
    side_by_side_rows=40,
    max_iter=1,
)


def rows_of(measurements: list[Measurement]) -> pd.DataFrame:
    circumstances = {"part": "", **records.circumstances()}
    return pd.DataFrame([{**asdict(m), **circumstances} for m in measurements])


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
    module, criterion = race.training.untrained()
    monkeypatch.setattr(race.training, "untrained", lambda: (module, criterion))

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
    final = lost_by(PlainAutoencoder(2, 0).fit(split.X), split.X_test)
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
    assert course.fvus[-1] == pytest.approx(lost_by(model, split.X_test))


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
    assert "**failed**: PCA, linear k=5 0: RuntimeError: no luck" in SUITE.text(rows)


def test_transform_section_measures_time_and_memory(monkeypatch):
    monkeypatch.setattr(transform, "apart", lambda function, *args: function(*args))
    rows = rows_of(list(transform.measure(TINY)))
    encoders = {f"encoder, {n} rows at a time" for n in (256, 300)}
    counts = rows.groupby("section")["method"].agg(set)
    ours = {transform.OURS, transform.STEPPED}
    assert counts[transform.SECTION] == {*ours, *encoders}
    assert counts[transform.ROW_SECTION] == {*ours, transform.REFERENCE}
    assert counts[transform.BACK_SECTION] == {*ours, transform.REFERENCE}
    assert counts[transform.MEMORY_SECTION] == ours


def test_promises_of_transform_are_about_the_encoder_alone():
    X = transform.make_rows(300)
    assert internals.takes_steps(transform.fitted(X)) is False
    assert internals.takes_steps(transform.fitted(X, transform.STEPPED))


def test_bare_encoder_gives_the_same_codes():
    X = transform.make_rows(300)
    estimator = transform.fitted(X)
    codes = internals.encoded(estimator, X)
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


def test_sparse_section_measures_each_method(monkeypatch, quick):
    monkeypatch.setattr(sparse, "apart", lambda function, *args: function(*args))
    monkeypatch.setitem(sparse.METHODS, sparse.OURS, lambda: quick(10))
    rows = rows_of(list(sparse.measure(TINY)))
    for quantity in (sparse.PEAK, "cpu_seconds", sparse.EXPLAINED):
        found = summary.wide(rows, sparse.SECTION, quantity)
        assert list(found) == ["autoencoder", "TruncatedSVD", "PCA"]
        assert (found >= 0).all(axis=None)
    assert (found["autoencoder"] >= found["PCA"] - 1e-9).all()


def test_sparse_rows_have_few_cells_near_each_other():
    X = sparse.make_sparse_rows(50, 4000)
    assert X.shape == (50, 4000)
    assert_allclose(X.sum(axis=1), 4)
    columns = X.tocoo().coords[1]
    places = np.exp(2j * np.pi * columns[:4] / 4000)
    assert abs(places - places[0]).max() < 0.2


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


def test_both_encodings_of_a_table_are_the_same_but_for_centring():
    table = encoding.make_table(400)
    assert table.shape == (400, 50)
    numbers = table.select_dtypes("number")
    assert numbers.shape[1] == 25
    ours, other = (build().fit_transform(table) for build in encoding.METHODS.values())
    variances = [np.sort(X.var(axis=0)) for X in (ours, other)]
    np.testing.assert_allclose(*variances, rtol=1e-9)
    rows = rows_of(list(encoding.measure(TINY)))
    assert set(rows["method"]) == {encoding.OURS, encoding.REFERENCE}


def test_start_section_imports_in_fresh_interpreters(monkeypatch):
    commands = []
    monkeypatch.setattr(
        start.subprocess, "run", lambda command, check: commands.append(command[-1])
    )
    rows = rows_of(list(start.measure(TINY)))
    assert set(commands) == {"import sklearn_ae", "import torch, sklearn, skorch"}
    assert set(rows["method"]) == {start.OURS, start.REQUIREMENTS}


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_gpu_section_is_skipped_visibly(capsys):
    assert not list(speed.measure_sections(["gpu"], TINY, []))
    assert "gpu: skipped" in capsys.readouterr().out


def test_gpu_section_times_small_and_large_batches(monkeypatch):
    monkeypatch.setattr(epochs, "GPU_BATCH_SIZES", (32, 64))
    rows = rows_of(list(epochs.gpu_times(TINY, "cpu")))
    assert set(rows["case"]) == {
        f"{n} rows, batches of {size}" for n in (64, 300) for size in (32, 64)
    }
    assert set(rows["method"]) == {epochs.LOOP, epochs.OURS}


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_waits_for_the_gpu_are_counted():
    rows = rows_of(list(epochs.waits(TINY)))
    assert (rows["value"] >= 1).all()
    assert epochs.n_waits(torch.cuda.current_device) == 0


@pytest.mark.usefixtures("few_epochs", "fast_default")
def test_sections_are_measured_written_and_reported(tmp_path, monkeypatch, toy):
    monkeypatch.setattr(speed, "QUICK", TINY)
    monkeypatch.setattr(speed, "chosen_tables", lambda folder, quick: [toy])
    monkeypatch.setattr(quality, "OTHERS", ())
    options = ["speed", "--quick", "--output", str(tmp_path), "--fit-repeats", "1"]
    command.main([*options, "--sections", "quality"])
    path = tmp_path / "speed_quick.csv"
    first = records.read(path)
    assert set(first["part"]) == {"quality"}
    command.main([*options, "--sections", "epochs"])
    both = records.read(path)
    assert set(both["part"]) == {"quality", "epochs"}
    pd.testing.assert_frame_equal(both[: len(first)], first)
    text = (tmp_path / "speed_quick.md").read_text(encoding="utf-8")
    assert text == SUITE.text(both)
    for heading in ("## What was promised", "## Time to quality", "## Epochs"):
        assert heading in text
    assert "nan" not in text


def test_wrong_section_is_named(tmp_path):
    message = re.escape("no section ['epoch']; there are ['start', ")
    with pytest.raises(SystemExit, match=message):
        command.main(["speed", "--sections", "epoch", "--output", str(tmp_path)])


def test_only_digits_and_the_tables_of_a_folder_are_timed(toy, monkeypatch):
    tables = [*load_tables(None, ["digits", "wine"]), toy]
    monkeypatch.setattr(
        speed, "load_tables", lambda folder: tables[: None if folder else 2]
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
