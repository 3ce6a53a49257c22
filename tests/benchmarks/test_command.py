import re

import numpy as np
import pandas as pd
import pytest

from benchmarks import __main__ as command
from benchmarks import readme, records
from benchmarks.reports import at_least, at_most, markdown, number, promise_lines
from benchmarks.suite import Suite


@pytest.fixture
def suite(monkeypatch) -> Suite:
    def measure(options, kept):
        names = "abc" if options.data is None else "d"
        rows = {"table": kept.get("table", pd.Series()).to_list()}
        return (
            {"table": name, "method": "PCA", "score": 1 / 3}
            for name in names
            if name not in rows["table"]
        )

    toy = Suite(
        intro="# Toy",
        columns=("table", "method", "score"),
        measure=measure,
        report=lambda rows: iter([f"## {len(rows)} rows", ""]),
        promises=lambda rows: [at_most("at most {:.0f} rows", len(rows), 3.0, "", 0)],
        staying=lambda options, rows: rows["table"] != "b",
    )
    monkeypatch.setattr(command, "load", lambda name: toy)
    return toy


def run(folder, *options) -> int:
    return command.main(["shares", "--output", str(folder), *options])


@pytest.mark.parametrize("name", command.SUITES)
def test_every_suite_can_be_loaded_and_explained(name, capsys):
    assert isinstance(command.load(name), Suite)
    with pytest.raises(SystemExit, match="0"):
        command.main([name, "--help"])
    assert "--quick" in capsys.readouterr().out


def test_suites_are_listed(capsys):
    with pytest.raises(SystemExit, match="0"):
        command.main(["--help"])
    printed = capsys.readouterr().out
    assert all(f"  {name} " in printed for name in command.SUITES)
    with pytest.raises(SystemExit, match="2"):
        command.main(["share"])


@pytest.mark.usefixtures("suite")
def test_rows_have_figures_and_circumstances(tmp_path):
    assert run(tmp_path / "new") == 0
    rows = records.read(tmp_path / "new/shares.csv")
    assert list(rows.columns) == ["table", "method", "score", *records.CIRCUMSTANCES]
    assert list(rows["table"]) == ["a", "b", "c"]
    assert rows["score"][0] == 0.333333
    assert set(rows["python"]) == {records.machine()["python"]}
    assert list(rows["error"]) == [""] * 3


@pytest.mark.usefixtures("suite")
def test_rows_that_stay_are_not_measured_again(tmp_path):
    run(tmp_path)
    assert run(tmp_path) == 0
    assert list(records.read(tmp_path / "shares.csv")["table"]) == ["a", "c", "b"]


def test_report_is_that_of_the_rows(suite, tmp_path, capsys):
    run(tmp_path)
    text = (tmp_path / "shares.md").read_text(encoding="utf-8")
    assert text == suite.text(records.read(tmp_path / "shares.csv"))
    assert "## What was promised\n\n- kept: at most 3 rows; found 3\n" in text
    assert text.endswith("\n\n## 3 rows\n")
    assert text in capsys.readouterr().out


@pytest.mark.usefixtures("suite")
def test_missed_promise_gives_an_exit_status(tmp_path):
    run(tmp_path)
    assert run(tmp_path, "--data", "here") == 0
    assert run(tmp_path, "--data", "here") == 0
    frame = records.read(tmp_path / "shares.csv")
    pd.concat([frame, frame]).to_csv(tmp_path / "shares.csv", index=False)
    assert run(tmp_path, "--report-only") == 1
    text = (tmp_path / "shares.md").read_text(encoding="utf-8")
    assert "- **MISSED**: at most 3 rows; found 6" in text


@pytest.mark.usefixtures("suite")
def test_quick_results_have_names_of_their_own(tmp_path):
    run(tmp_path, "--quick")
    assert {path.name for path in tmp_path.iterdir()} == {
        "shares_quick.csv", "shares_quick.md",
    }  # fmt: skip


@pytest.mark.usefixtures("suite")
def test_tracked_results_are_written_on_request_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "OUTPUT", tmp_path / "output")
    monkeypatch.setattr(command, "RECORD", tmp_path / "results")
    updates = []
    monkeypatch.setattr(readme, "update", lambda: updates.append(1))
    command.main(["shares"])
    assert (tmp_path / "output/shares.csv").exists()
    assert not (tmp_path / "results").exists()
    assert not updates
    command.main(["shares", "--record"])
    assert (tmp_path / "results/shares.md").exists()
    assert updates
    with pytest.raises(SystemExit, match="2"):
        command.main(["shares", "--record", "--quick"])


@pytest.mark.usefixtures("suite")
def test_report_needs_rows(tmp_path):
    with pytest.raises(SystemExit, match=re.escape("nothing was measured.")):
        run(tmp_path, "--report-only")


def test_figure_without_a_column_is_refused(tmp_path):
    with pytest.raises(ValueError, match="'scores'"):
        records.append({"scores": 1.0}, ("score",), tmp_path / "toy.csv")


def test_missing_figure_is_empty(tmp_path):
    records.append({"score": float("nan")}, ("score",), tmp_path / "toy.csv")
    assert (tmp_path / "toy.csv").read_text(encoding="utf-8").startswith(",,")


def test_failed_fits_are_named(suite):
    row = {**records.circumstances(), "method": "PCA", "error": "no luck"}
    rows = pd.DataFrame([{**row, "table": name, "split": 0} for name in "ab"])
    assert "- **failed**: PCA, a 0, b 0: no luck" in suite.text(rows)


def test_promises_say_what_is_kept():
    promises = [
        at_most("at most {:.1f}", 1.2, 1.0, " (here)", 2),
        at_least("at least {:.1f}", 1.2, 1.0),
        at_least("at least {:.1f}", float("nan"), 1.0),
    ]
    assert promise_lines(promises) == [
        "**MISSED**: at most 1.0; found 1.20 (here)",
        "kept: at least 1.0; found 1.2000",
        "not measured: at least 1.0; found nothing",
    ]


def test_markdown_shows_index_and_numbers():
    index = pd.MultiIndex.from_tuples([("a", 2)], names=["table", "n_components"])
    frame = pd.DataFrame({"PCA": [0.12345], "n": [7], "x": [np.nan]}, index=index)
    assert markdown(frame) == (
        "| table | k | PCA | n | x |\n"
        "| --- | --- | ---: | ---: | ---: |\n"
        "| a | 2 | 0.123 | 7 | - |"
    )


@pytest.mark.parametrize(
    ("value", "shown"),
    [(7, "7"), (0.5, "0.500"), (1234.5, "1.23e+03"), (np.inf, "failed")],
)
def test_numbers_are_short(value, shown):
    assert number(value) == shown


def test_figures_in_readme_are_those_of_the_results():
    texts = [page.read_text(encoding="utf-8") for page in readme.PAGES]
    named = [found[2] for text in texts for found in readme.BLOCK.finditer(text)]
    assert sorted(named) == sorted(readme.BLOCKS)
    assert [readme.updated(text) for text in texts] == texts
