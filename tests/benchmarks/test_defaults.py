import re
from pkgutil import resolve_name

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from benchmarks import cells, defaults
from benchmarks import defaults_report as report
from benchmarks.cells import Cell
from benchmarks.compression_report import read_rows
from benchmarks.datasets import curved_redundancy, linear_redundancy
from benchmarks.defaults import Variant, variants
from sklearn_ae import AutoencoderTransformer
from sklearn_ae._fit.epochs import auto_max_iter
from sklearn_ae._fit.shrinkage import MAX_SAMPLES_ALL_FOLDS

DEFAULT, *CHANGES = variants()
MANY_ROWS = [
    variant for variant in CHANGES if variant.name.startswith("TIMES_AT_PCA 0.5")
]
ANYWHERE = [variant for variant in CHANGES if variant not in MANY_ROWS]

# FVU of both splits, fit seconds and linear score; by table and code size.
FIGURES = {
    ("flat", 2): {
        "PCA": ([0.4, 0.6], 0.1, 0.8),
        "default": ([0.3, 0.5], 1.0, 0.8),
        "wide": ([0.2, 0.2], 3.0, 0.9),
        "sharp": ([0.3, 0.5], 1.0, 0.8),
    },
    ("bent", 2): {
        "PCA": ([0.2, 0.2], 0.1, 0.5),
        "default": ([0.1, 0.1], 1.0, 0.6),
        "wide": ([0.05, 0.05], 2.0, 0.7),
        "sharp": ([0.2, 0.2], 0.5, 0.5),
    },
    ("bent", 5): {
        "PCA": ([0.1, 0.1], 0.1, 0.6),
        "default": ([0.04, 0.04], 2.0, 0.7),
        "wide": ([0.08, 0.08], 8.0, 0.7),
        "sharp": ([0.0402, 0.0402], 1.0, 0.6),
    },
}


@pytest.fixture
def rows() -> pd.DataFrame:
    table = linear_redundancy(n_samples=20, n_features=6, n_factors=2)
    lines = []
    for (name, size), methods in FIGURES.items():
        for method, (fvu, seconds, score) in methods.items():
            for split, value in enumerate(fvu):
                line = cells.make_row(Cell(table, size, split, method), {})
                figures = {
                    "table": name,
                    "held_out_fvu": value,
                    "fit_seconds": seconds,
                    "linear_score": score,
                    "fit_rows": 15,
                }
                lines.append(line | figures)
    return pd.DataFrame(lines)


def fit(variant: Variant, X: np.ndarray) -> AutoencoderTransformer:
    with variant.patched():
        return variant.build(2, 0).fit(X)


@pytest.fixture(scope="module")
def X(curved) -> np.ndarray:
    return curved[:100]


@pytest.fixture(scope="module")
def larger() -> np.ndarray:
    n_samples = MAX_SAMPLES_ALL_FOLDS + 1
    return curved_redundancy(n_samples, n_features=12, n_factors=2).X


@pytest.fixture(scope="module")
def default_codes(X) -> np.ndarray:
    return fit(DEFAULT, X).transform(X)


def test_default_changes_nothing(X, default_codes):
    codes = AutoencoderTransformer(random_state=0, device="cpu").fit_transform(X)
    assert_array_equal(codes, default_codes)


@pytest.mark.parametrize("variant", ANYWHERE, ids=lambda variant: variant.name)
def test_every_change_takes_effect(variant, X, default_codes):
    codes = fit(variant, X).transform(X)
    assert not np.allclose(codes, default_codes, rtol=1e-4, atol=0)


def test_changes_for_many_rows_take_effect_there(larger):
    default = fit(DEFAULT, larger).n_iter_
    assert MANY_ROWS
    assert all(fit(variant, larger).n_iter_ < default for variant in MANY_ROWS)


@pytest.mark.parametrize("name", defaults.PARAMETERS)
def test_parameters_change_as_their_names_say(name):
    before = DEFAULT.build(2, 0).get_params()
    changed = [variant for variant in CHANGES if name in variant.parameters]
    for variant, value in zip(changed, defaults.PARAMETERS[name], strict=True):
        assert value != before[name]
        assert variant.name == f"{name} {before[name]} -> {value}"
        assert variant.build(2, 0).get_params() == before | {name: value}
        assert not variant.constants


@pytest.mark.parametrize("path", defaults.CONSTANTS)
def test_constants_change_as_their_names_say(path):
    before = resolve_name(path)
    changed = [variant for variant in CHANGES if path in variant.constants]
    for variant, value in zip(changed, defaults.CONSTANTS[path], strict=True):
        assert value != before
        assert variant.name == f"{path.rpartition('.')[2]} {before} -> {value}"
        assert not variant.parameters
        with variant.patched():
            assert resolve_name(path) == value


def test_names_differ_and_the_default_is_first():
    names = [variant.name for variant in variants()]
    assert len(set(names)) == len(names)
    assert names[:2] == [report.DEFAULT, report.OTHER_SEED]


@pytest.mark.parametrize(("count", "factor"), [("half", 0.5), ("twice", 2)])
def test_epochs_are_half_and_twice_the_automatic_number(count, factor, X, monkeypatch):
    monkeypatch.setattr("sklearn_ae._fit.trainer.extension", lambda *args: 1.0)
    (variant,) = (v for v in CHANGES if v.name == f"max_iter auto -> {count}")
    assert fit(variant, X).n_iter_ == factor * auto_max_iter(len(X))


def test_constants_come_back_after_an_error():
    paths = [path for variant in CHANGES for path in variant.constants]
    before = [resolve_name(path) for path in paths]
    for variant in CHANGES:
        with pytest.raises(ZeroDivisionError), variant.patched():
            raise ZeroDivisionError
    assert [resolve_name(path) for path in paths] == before


def test_summary_compares_with_the_default(rows):
    found = report.variant_summary(rows)
    assert list(found.index) == ["default", "wide", "sharp"]
    # By cell: 0.5, 0.5 and 2 times the default's, which is 0.8, 0.5 and 0.4 of PCA's.
    wide = found.loc["wide"]
    assert_allclose(wide["by default's"], 0.5 ** (1 / 3))
    assert_allclose(wide["by PCA's"], (0.4 * 0.25 * 0.8) ** (1 / 3))
    assert_allclose(found.loc["default", "by PCA's"], (0.8 * 0.5 * 0.4) ** (1 / 3))
    assert (wide["better"], wide["worse"]) == (2, 1)
    assert (wide["worst"], wide["worst cell"]) == (2, "bent k=5")
    assert_allclose(found["seconds"], [1, 3, 0.5])


def test_differences_of_less_than_a_hundredth_do_not_count(rows):
    sharp = report.variant_summary(rows).loc["sharp"]
    assert (sharp["better"], sharp["worse"]) == (0, 1)


def test_score_change_is_the_mean_over_tables(rows):
    found = report.score_changes(rows)
    assert_allclose(found[["default", "wide", "sharp"]], [0, 0.075, -0.05])


def test_each_table_is_shown(rows):
    found = report.by_table(rows)
    assert_allclose(found.loc["wide", ["bent", "flat"]], [1, 0.5])
    assert_allclose(found.loc["sharp", ["bent", "flat"]], [2.01**0.5, 1], rtol=1e-2)


def test_report_names_improvements_and_its_limits(rows):
    text = report.defaults_text(rows)
    assert "**These tables chose the defaults, and so flatter them**" in text
    assert (
        "- wide: FVU 0.794, seconds 3.000, linear score +0.075; 2 cells better, 1 worse"
    ) in text
    assert "- sharp:" not in text
    assert "| default | 0.543 | 1.000 | 0 | 0 | 1.000 | - | 1.000 | +0.000 |" in text
    assert "- flat: 20 rows, 6 columns\n" in text
    assert "not measured" not in text


def test_report_says_that_one_split_is_little(rows):
    warning = "**One split of each table only"
    assert warning not in report.defaults_text(rows)
    assert warning in report.defaults_text(rows[rows["split"] == 0])


def test_failed_fit_is_infinitely_bad(rows):
    failed = (rows["method"] == "wide") & (rows["table"] == "flat")
    rows.loc[failed, ["held_out_fvu", "fit_seconds", "linear_score"]] = np.nan
    rows.loc[failed, "error"] = "ValueError: diverged"
    text = report.defaults_text(rows)
    assert "| wide | failed | failed | 1 | 2 | failed | flat k=2 |" in text
    assert "- **failed**: wide, flat k=2 split 0, " in text


def test_slow_tables_must_be_asked_for(monkeypatch):
    monkeypatch.setattr(defaults, "TOO_SLOW", ("wine",))
    names = [table.name for table in defaults.choose_tables(None, None)]
    assert names == ["digits", "breast_cancer", "diabetes"]
    assert [table.name for table in defaults.choose_tables(None, ["wine"])] == ["wine"]


def test_command_lets_variants_take_turns(monkeypatch, tmp_path):
    chosen = [
        DEFAULT,
        Variant("narrow", {"hidden_layer_sizes": (128, 64)}),
        Variant("bad", {"alpha": -1}),
    ]
    monkeypatch.setattr(defaults, "variants", lambda: chosen)
    monkeypatch.setattr(defaults, "CODE_SIZES", (2, 13))
    options = ["--tables", "wine", "--output", str(tmp_path)]
    assert defaults.main(options) == 0
    rows = read_rows(tmp_path / "defaults.csv")
    assert list(rows["method"]) == 2 * ["PCA", "default", "narrow", "bad"]
    assert list(rows["split"]) == 4 * [0] + 4 * [1]
    assert rows["held_out_fvu"].nunique() == 6
    errors = rows["error"].str.partition(":")[0]
    assert list(errors) == 2 * ["", "", "", "InvalidParameterError"]

    text = (tmp_path / "defaults.md").read_text(encoding="utf-8")
    assert text == report.defaults_text(rows)
    assert defaults.main([*options, "--report-only"]) == 0


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (["--tables", "wein"], "no table ['wein']; there are ['breast_cancer',"),
        (["--data", "nowhere"], "'nowhere' has no file tabular/*.npz"),
        (["--report-only"], "nothing was measured."),
    ],
)
def test_wrong_options_are_named(option, message, tmp_path):
    with pytest.raises(SystemExit, match=re.escape(message)):
        defaults.main([*option, "--output", str(tmp_path)])
