"""Rows made where they are read, the sections of the scale suite, and its promises."""

from argparse import Namespace
from functools import partial

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes

from benchmarks import cost_model, scale, streams
from benchmarks.datasets import Table
from benchmarks.smooth_rows import ROWS_PER_SEED, SmoothRows
from sklearn_ae import AutoencoderTransformer

COLUMNS = ("seconds", "cpu_seconds", "peak_megabytes", "explained")


def test_rows_are_the_same_however_they_are_cut(tmp_path):
    n_rows = 2 * ROWS_PER_SEED + 100
    rows = SmoothRows(n_rows, 3)
    whole = rows[:]
    assert whole.shape == rows.shape == (len(rows), 3)
    assert whole.dtype == rows.dtype
    for cut in (slice(5, 9), slice(ROWS_PER_SEED - 2, ROWS_PER_SEED + 2), slice(7, 7)):
        assert np.array_equal(rows[cut], whole[cut])
    assert np.array_equal(rows.to_file(tmp_path / "rows"), whole)
    pytest.importorskip("dask.array")
    blocks = rows.to_dask(50_000).compute(scheduler="synchronous")
    assert np.array_equal(blocks, whole)
    assert not np.array_equal(SmoothRows(100, 3, seed=1)[:], whole[:100])


@pytest.fixture
def quick_fits(monkeypatch):
    for suite in (scale, streams):
        model = partial(AutoencoderTransformer, max_iter=2)
        monkeypatch.setattr(suite, "AutoencoderTransformer", model)


@pytest.mark.parametrize("method", scale.LOCAL)
def test_local_fits_are_measured(method, tmp_path, quick_fits):
    row = scale.measure_local(method, 1000, str(tmp_path), 6)
    assert {*COLUMNS} == {*row}
    assert 0.5 < row["explained"] < 1
    assert row["peak_megabytes"] > 10


def test_quick_form_measures_what_is_asked_for(monkeypatch):
    monkeypatch.setattr(scale, "apart", lambda function, *given: {"given": given})
    options = Namespace(
        sections=["growth"], methods=[scale.OURS, scale.CLUSTER], quick=True,
        most_rows=10**8, folder=None,
    )  # fmt: skip
    rows = list(scale.measure(options, pd.DataFrame()))
    assert [row["rows"] for row in rows] == [10**3, 10**4, 10**5]
    assert {row["method"] for row in rows} == {scale.OURS}
    with pytest.raises(ValueError, match="length"):
        scale.measure(Namespace(**vars(options) | {"sections": ["length"]}), None)


@pytest.mark.filterwarnings("ignore:The fit is PCA:UserWarning")  # of the first rows
def test_streams_are_compared_with_one_fit(quick_fits):
    X, y = load_diabetes(return_X_y=True)
    table = Table("toy", X[:120], y[:120], "regression")
    rows = pd.DataFrame(streams.measure_stream(table, 2, 0))
    assert rows["method"].tolist() == [
        streams.ONE,
        streams.STREAM,
        streams.INCREMENTAL,
    ]
    found = streams.gaps(rows)
    lost = 1 - rows["explained"]
    assert found["partial_fit / one fit"].item() == pytest.approx(lost[1] / lost[0])


def measured(seconds_at_most, gap, peak, lost):
    growth = [
        {"section": "growth", "method": method, "rows": n, "seconds": s,
         "cpu_seconds": s, "peak_megabytes": 1.0, "explained": e}
        for method, n, s, e in (
            (scale.OURS, 10**6, 20.0, 0.9),
            (scale.OURS, 10**7, seconds_at_most / 3.5, 0.9),
            (scale.CLUSTER, 10**7, 10.0, 0.9),
            (scale.CLUSTER, 10**8, seconds_at_most, 0.9 - gap),
        )
    ]  # fmt: skip
    file = {"section": "file", "file_megabytes": 20_000.0, "peak_megabytes": peak}
    streamed = [
        {"section": "stream", "table": "a", "n_components": 2, "split": 0,
         "method": method, "explained": 1 - part, "cpu_seconds": 1.0}
        for method, part in ((streams.ONE, 0.1), (streams.STREAM, lost))
    ]  # fmt: skip
    return pd.DataFrame([*growth, file, *streamed])


@pytest.mark.parametrize(
    ("figures", "kept"),
    [
        ((90.0, 0.001, 1500, 0.105), [True] * 5),
        ((120.0, 0.01, 2500, 0.12), [False] * 5),
    ],
)
def test_promises(figures, kept):
    assert [one.kept for one in scale.promises(measured(*figures))] == kept


def test_report_and_picture():
    rows = measured(90.0, 0.0, 1500, 0.1)
    rows["model_megabytes"] = np.where(rows["method"] == scale.CLUSTER, 2.0, np.nan)
    for name in ("seconds", "cpu_seconds", "explained"):
        rows[name] = rows[name].fillna(0.0)
    text = "\n".join(scale.report(rows))
    assert "| 10^8 | - | 90 |" in text
    assert "What a cluster costs" in text
    assert "20000" in text
    lines = scale.picture(rows).axes[0].lines
    assert [line.get_label() for line in lines] == [
        "autoencoder, in memory",
        "autoencoder, Dask",
    ]


def test_model_of_costs_goes_through_what_was_measured():
    growth = pd.Series({10**6: 21.0, 10**7: 30.0, 10**8: 120.0})
    start, per_row = cost_model.constants(growth, 2)
    assert start == pytest.approx(20.0)
    assert per_row == pytest.approx(2e-6)
    checked = cost_model.check(growth, 2)
    assert checked["model, s"].tolist() == pytest.approx([21.0, 30.0, 120.0])
    costs = cost_model.costs(growth, 2, model=1.0)
    assert costs.loc[("10^9", "100"), "seconds"] == pytest.approx(40.0)
    assert cost_model.megabytes(1000, 3, 20, 1.0) == pytest.approx(0.08 + 0.0032 + 3)


def test_methods_are_those_of_growth():
    options = Namespace(resume=True, sections=None, methods=[scale.FILE])
    rows = pd.DataFrame(
        {
            "section": ["growth", "growth", "stream"],
            "method": [scale.FILE, scale.OURS, "partial_fit"],
        }
    )
    assert scale.staying(options, rows).tolist() == [False, True, False]
    options.sections = ["growth"]
    assert scale.staying(options, rows).tolist() == [False, True, True]


def test_moments_are_sent_at_each_level():
    first = 16 * (0.0032) + 0.0032 * 2
    drawn = 2 * 4 * 20 * 2**18 / 1e6
    found = cost_model.megabytes(16 * 2**18, 1, 20, 0.0)
    assert found == pytest.approx(first + drawn)
