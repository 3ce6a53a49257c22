import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import scale
from skorch.callbacks import Callback

from benchmarks import __main__ as command
from benchmarks import ablation, records
from benchmarks.cells import Cell
from benchmarks.datasets import Table, linear_redundancy, load_tables
from benchmarks.variants import (
    DEFAULT,
    NAMES,
    OTHER_SEED,
    VARIANTS,
    Variant,
    check_internals,
    choose_variants,
    to,
)
from sklearn_ae import AutoencoderTransformer

ROOT = Path(__file__).parents[2]
# Those that change how the same numbers are computed.
SAME_NUMBERS = (
    DEFAULT, "no steps nor fused encoder", "transform_max_iter 1",
    "torch takes all threads", "inherited infer", "inherited get_loss",
    "inherited _set_training", "inherited notify",
)  # fmt: skip

# FVU of both splits, linear score and seconds; by table and code size.
FIGURES = {
    ("flat", 2): {
        "PCA": ([0.4, 0.6], 0.8, 0.1),
        DEFAULT: ([0.3, 0.5], 0.8, 1.0),
        "no refit": ([0.2, 0.2], 0.9, 4.0),
        "no range": ([0.3, 0.5], 0.8, 1.0),
    },
    ("bent", 2): {
        "PCA": ([0.2, 0.2], 0.5, 0.1),
        DEFAULT: ([0.1, 0.1], 0.6, 1.0),
        "no refit": ([0.22, 0.22], 0.4, 1.0),
        "no range": ([0.1, 0.1], 0.6, 1.0),
    },
    ("smooth", 2): {
        "PCA": ([0.4, 0.4], 0.5, 0.1),
        DEFAULT: ([0.1, 0.1], 0.5, 1.0),
        "no refit": ([0.1, 0.1], 0.5, 1.0),
        "no range": ([0.13, 0.13], 0.9, 9.0),
    },
    ("exact", 2): {
        "PCA": ([1e-30, 1e-30], 0.5, 0.1),
        DEFAULT: ([1e-14, 1e-14], 0.5, 1.0),
        "no refit": ([1e-3, 1e-3], 0.5, 1.0),
        "no range": ([1e-14, 1e-14], 0.5, 1.0),
    },
}


@pytest.fixture
def toy() -> Table:
    return linear_redundancy(n_samples=60, n_features=6, n_factors=2)


@pytest.fixture
def rows(toy) -> pd.DataFrame:
    return pd.DataFrame(
        {
            **Cell(replace(toy, name=name), size, split, method).description,
            **records.circumstances(),
            "error": "",
            "held_out_fvu": value,
            "linear_score": score,
            "cpu_seconds": seconds,
            "row_microseconds": 100.0 if method == DEFAULT else np.nan,
            "transform_seconds": 0.5 if method == DEFAULT else np.nan,
        }
        for (name, size), methods in FIGURES.items()
        for method, (fvu, score, seconds) in methods.items()
        for split, value in enumerate(fvu)
    )


@pytest.fixture(scope="module")
def probes(curved) -> list[np.ndarray]:
    """Tables of which each meets some mechanism; the last is the slowest."""
    rng = np.random.default_rng(1)
    noisy = curved[:80] + 0.3 * rng.standard_normal((80, 12))
    pure = [rng.standard_normal((n, 5)) for n in (60, 200)]
    peaks = np.linspace(0, 1, 80) - rng.uniform(0, 1, (120, 2, 1))
    wide = np.exp(-((peaks / 0.3) ** 2)).sum(axis=1)  # of redundant directions
    many = rng.standard_normal((2600, 3))
    unsure = scale(load_breast_cancer().data)[:80]  # shrunk by a factor
    return [unsure, noisy, *pure, np.vstack([curved[:60], curved[:20]]), wide, many]


@pytest.fixture(scope="module")
def default_codes(probes) -> Callable[[int], np.ndarray]:
    return cache(lambda i: codes(VARIANTS[DEFAULT], probes[i]))


def codes(variant: Variant, X: np.ndarray) -> np.ndarray:
    with variant.patched():
        # With some rows far from those that were trained on.
        return variant.build(2, 0).fit(X).transform(np.vstack([X[:20], 9 * X[:20]]))


@pytest.mark.parametrize("name", NAMES)
def test_every_internal_name_is_there_and_used(name):
    check_internals([Variant(changes={name: to(0)})])
    used = {key for variant in VARIANTS.values() for key in variant.changes}
    assert name in used | {"best_shrinkage"}


def test_missing_internal_name_is_named(monkeypatch):
    monkeypatch.setitem(NAMES, "reach", "sklearn_ae._model.autoencoder.RICH")
    message = "NAMES['reach'] = 'sklearn_ae._model.autoencoder.RICH'"
    with pytest.raises(ValueError, match=re.escape(message)):
        choose_variants(None, values=False)
    assert list(choose_variants(["no refit"], False)) == [DEFAULT, "no refit"]


@pytest.mark.parametrize("name", [n for n in VARIANTS if n not in SAME_NUMBERS])
def test_every_variant_changes_something(name, probes, default_codes):
    assert any(
        not np.allclose(codes(VARIANTS[name], X), default_codes(i), rtol=1e-4, atol=0)
        for i, X in enumerate(probes)
    )


def test_default_changes_nothing(curved):
    model = AutoencoderTransformer(2, random_state=0, device="cpu").fit(curved[:60])
    found = codes(VARIANTS[DEFAULT], curved[:60])[:20]
    np.testing.assert_array_equal(found, model.transform(curved[:20]))


@pytest.mark.parametrize("name", [n for n in SAME_NUMBERS if VARIANTS[n].changes])
def test_replaced_functions_are_called(name, curved):
    called = []

    def spied(change):
        def replacement(original):
            new = change(original)
            return lambda *args, **kwargs: called.append(1) or new(*args, **kwargs)

        return replacement

    variant = VARIANTS[name]
    changes = {key: spied(change) for key, change in variant.changes.items()}
    codes(replace(variant, changes=changes), curved[:60])
    assert called


@pytest.mark.usefixtures("two_threads")
def test_variant_of_threads_takes_those_of_the_caller(curved):
    counts = []

    def count(net: object, **kwargs: object) -> None:
        counts.append(torch.get_num_threads())

    counting = Callback()
    counting.on_epoch_end = count
    for name in (DEFAULT, "torch takes all threads"):
        few = {"cv": None, "max_iter": 1, "callbacks": [counting]}
        codes(replace(VARIANTS[name], parameters=few), curved[:60])
    assert counts == [1, 2]


def test_variants_take_turns_and_are_not_measured_twice(toy):
    cells = [Cell(toy, 2, split, "PCA") for split in (0, 1)]
    variants = {name: VARIANTS[name] for name in (DEFAULT, OTHER_SEED)}
    done = {("linear", 2, 1, "PCA")}
    rows = list(ablation.measure_cells(cells, variants, done))
    assert [row["method"] for row in rows] == [
        "PCA", DEFAULT, OTHER_SEED, OTHER_SEED, DEFAULT,
    ]  # fmt: skip
    assert not any("error" in row for row in rows)
    timed = [row["method"] for row in rows if ablation.ONE_ROW in row]
    assert timed == [DEFAULT, DEFAULT]


def test_variants_are_summed_up(rows):
    table = ablation.variant_table(rows)
    assert list(table.index) == [DEFAULT, "no refit", "no range"]
    found = table.loc["no refit"]
    # 0.2 for 0.4 and 0.22 for 0.1; where PCA leaves nothing, nothing is compared.
    assert found["FVU"] == pytest.approx((0.5 * 2.2) ** 0.5)
    assert (found["better"], found["worse"]) == (1, 1)
    assert found["worst by PCA's"] == pytest.approx(1.1)
    assert (found["linear"], found["worst linear"]) == ("+0.000", "-0.100")
    assert found["CPU s"] == "12.0"
    assert found["CPU"] == pytest.approx(4 ** (1 / 3))
    assert table.loc["no range", "FVU"] == 1
    assert table.loc["no range", "CPU s"] == "6.0"


@pytest.mark.parametrize("name", ablation.GENERATED)
def test_generated_tables_can_be_compressed(name):
    table = ablation.GENERATED[name]()
    assert table.name == name
    assert len(table.y) == len(table.X)
    assert table.X.shape[1] > max(ablation.CODE_SIZES)
    assert np.isfinite(table.X).all()
    assert (table.X.std(axis=0) > 0).all()
    assert load_tables(None, [name], [table]) == [table]


def test_variants_without_figures_are_not_listed_as_worth_little(rows):
    is_range = (rows["table"] == "smooth") & (rows["method"] == "no range")
    text = ablation.SUITE.text(rows[~is_range])
    assert "score\n\n- none\n" in text


def test_generated_tables_are_by_themselves(rows):
    table = ablation.generated_table(rows)
    assert list(table.index) == [DEFAULT, "no refit", "no range"]
    assert list(table["FVU, smooth"]) == pytest.approx([1, 1, 1.3])
    assert list(table["CPU, smooth"]) == pytest.approx([1, 1, 9])
    assert ablation.generated_table(rows[rows["table"] != "smooth"]).empty
    alone = rows[rows["table"] == "smooth"]
    assert list(ablation.variant_table(alone)["FVU"]) == pytest.approx([1, 1, 1.3])


def test_steps_are_compared_with_one(rows):
    renamed = {DEFAULT: "transform_max_iter 1", "no refit": "transform_max_iter 4"}
    stepped = rows[rows["method"].isin(renamed)].replace({"method": renamed})
    stepped.loc[stepped["method"] == "transform_max_iter 4", "row_microseconds"] = 250.0
    stepped["transform_seconds"] = 2.0
    table = ablation.steps_table(pd.concat([rows, stepped]))
    assert list(table.index) == [0, 1, 2, 4, 8]
    assert (table.loc[1] == 1).all()
    assert table.loc[4, "loss"] == pytest.approx((0.5 * 2.2) ** 0.5)
    assert table.loc[4, "`transform` of one row"] == 2.5
    assert table.loc[2].isna().all()


def test_what_is_worth_little_is_listed(rows):
    text = ablation.SUITE.text(rows)
    assert "score\n\n- none\n" in text  # one loses on generated rows, one on others
    assert "| no range | 1.300 | 9.000 | 0.400 |" in text
    measured = rows[rows["table"] != "smooth"]
    text = ablation.SUITE.text(measured)
    assert "Generated" not in text
    assert (
        "score\n\n- no range: FVU 1.000, linear +0.033, CPU 1.000; stays: rows" in text
    )
    assert "- 2 cells count for FVU" in text
    assert "| default | 100 | 3.000 |" in text


@pytest.mark.parametrize("name", ablation.PROMISES)
def test_promises_fall_without_what_is_kept_for_them(name):
    """Their tests pass as they are, and fail in a process without the mechanism."""
    _, test = ablation.PROMISES[name]
    code = (
        "import sys, pytest; from benchmarks.variants import VARIANTS\n"
        "with VARIANTS[sys.argv[1]].patched():\n"
        "    sys.exit(pytest.main(sys.argv[2:]))"
    )
    options = [f"tests/{test}", "-qp", "no:cacheprovider", "--tb=line"]
    command_line = [sys.executable, "-c", code, name, *options]
    done = subprocess.run(command_line, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout + done.stderr
    assert re.search(r":\d+: (AssertionError|assert )", done.stdout)


def test_wrong_variant_is_named(tmp_path):
    message = re.escape("no variant ['no refits']; there are ['default', ")
    options = ["--variants", "no refits", "--output", str(tmp_path)]
    with pytest.raises(SystemExit, match=message):
        command.main(["ablation", *options])
