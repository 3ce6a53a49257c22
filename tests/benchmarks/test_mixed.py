"""The benchmark of tables with categories, at a small size."""

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline

from benchmarks import __main__ as command
from benchmarks import mixed, readme, records


@pytest.fixture
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    size = rng.uniform(size=60)
    return pd.DataFrame(
        {
            "shade": np.where(size > 0.5, "light", "dark"),
            "size": size,
            "class": np.where(size > 0.7, "a", "b"),
        }
    )


@pytest.fixture
def folder(frame, tmp_path):
    """Lay out what --data names: one table, its samples, published figures."""
    place = tmp_path / "data" / "mixed"
    place.mkdir(parents=True)
    rows = np.random.default_rng(1).integers(0, len(frame), (len(frame), 2))
    frame.to_csv(place / "car.csv.gz", index=False)
    samples = pd.DataFrame(rows, columns=["run1", "run2"])
    samples.to_csv(place / "car.bootstraps.csv.gz", index=False)
    published = pd.DataFrame(
        [
            ("car", x, run, method, error)
            for x in (0.1, 0.2, 0.3, 0.5, 1.0)
            for run in (1, 2, 3)
            for method, error in (("rfae", 0.01), ("ae", 0.9 + run / 100))
        ],
        columns=["dataset", "x", "run", "method", "error"],
    )
    published.to_csv(place / "published_results.csv.gz", index=False)
    return place.parent


@pytest.fixture
def short(monkeypatch):
    """Put PCA in the place of every method, and nothing in that of boosting."""
    build = mixed.METHODS[mixed.REFERENCE]
    monkeypatch.setattr(mixed, "METHODS", dict.fromkeys(mixed.METHODS, build))
    monkeypatch.setattr(mixed, "boosted_score", lambda train, test: 0.5)
    monkeypatch.setattr(mixed, "warm_up", lambda build: None)


def rows_of(scores: dict[str, list[float]], tables=("car",)) -> pd.DataFrame:
    keys = [(table, x) for table in tables for x in mixed.CODE_SHARES]
    lines = [
        {"table": table, "x": x, "split": 1, "method": method, "score": score}
        for method, values in scores.items()
        for (table, x), score in zip(keys, values, strict=True)
    ]
    return pd.DataFrame(lines).assign(error="")


@pytest.mark.parametrize(
    ("x", "columns", "codes"), [(0.1, 5, 1), (0.5, 5, 2), (0.2, 13, 3), (1.0, 58, 58)]
)
def test_codes_are_counted_as_published(x, columns, codes):
    assert mixed.n_codes(x, columns) == codes


def test_numbers_are_scored_by_r2_from_nought_and_text_by_accuracy():
    real = pd.DataFrame({"a": [1.0, 2, 3], "b": [1, 2, 3], "c": ["x", "y", "y"]})
    restored = pd.DataFrame({"a": [1.0, 2, 4], "b": [9.0, 9, 9], "c": ["x", "y", "x"]})
    np.testing.assert_allclose(mixed.column_scores(real, restored), [0.5, 0, 2 / 3])


@pytest.mark.parametrize("by_share", [False, True])
def test_one_hot_table_restores_what_it_encodes(frame, by_share):
    encoder = mixed.OneHotTable(by_share).fit(frame)
    pd.testing.assert_frame_equal(
        encoder.inverse_transform(encoder.transform(frame)).astype(frame.dtypes), frame
    )
    assert encoder.transform(frame).shape == (60, 5)


def test_inertia_of_famd_is_the_number_of_categories_less_one(frame):
    frame["size"] = np.resize(["a", "a", "b", "c"], len(frame))
    encoded = mixed.OneHotTable(by_share=True).fit_transform(frame)
    assert encoded.var(axis=0).sum() == pytest.approx(1 + 2 + 1)


@pytest.mark.parametrize("by_share", [False, True])
def test_one_hot_table_stands_tables_without_text(frame, by_share):
    numbers = frame[["size"]]
    pipeline = make_pipeline(mixed.OneHotTable(by_share), PCA(1)).fit(numbers)
    restored = pipeline.inverse_transform(pipeline.transform(numbers))
    np.testing.assert_allclose(restored, numbers)


def test_held_out_rows_are_those_outside_the_sample(folder, frame):
    first, second = mixed.load_bootstraps(folder / "mixed", "car", 2)
    rows = pd.read_csv(folder / "mixed/car.bootstraps.csv.gz")["run1"]
    np.testing.assert_array_equal(first.train["size"], frame["size"][rows])
    assert set(first.test.index) == set(frame.index) - set(rows)
    assert second.split == 2
    assert not first.train.equals(second.train)


@pytest.mark.parametrize("target", ["class", "size"])
def test_boosting_learns_numbers_and_categories(frame, target):
    frame = frame[[*frame.columns.drop(target), target]]
    assert mixed.boosted_score(frame, frame) > 0.5
    lost = frame.assign(**{target: frame[target].iloc[0]})
    assert mixed.boosted_score(lost, frame) < mixed.boosted_score(frame, frame)


def test_every_method_restores_a_table(folder):
    bootstrap = next(mixed.load_bootstraps(folder / "mixed", "car", 1))
    for method in (mixed.FAMD, mixed.REFERENCE):
        row = bootstrap.measure(1.0, method)
        assert "error" not in row
        assert row["score"] > 0.9
        assert row["n_components"] == 3
        assert row[mixed.FIDELITY] > 0.8
        assert row["cpu_seconds"] > 0


def test_failed_fit_says_why_and_scores_nothing(folder, monkeypatch):
    monkeypatch.setitem(mixed.METHODS, mixed.FAMD, lambda k, seed: PCA(k))
    bootstrap = next(mixed.load_bootstraps(folder / "mixed", "car", 1))
    rows = pd.DataFrame([bootstrap.measure(0.1, mixed.FAMD)])
    assert rows["error"].item().startswith("ValueError: ")
    rows = pd.concat([rows_of({"autoencoder": [0.5] * 4}), rows])
    assert mixed.cells(rows).loc[("car", 0.1), mixed.FAMD] == 0


@pytest.mark.usefixtures("short")
def test_published_figures_are_those_of_the_same_samples(folder, tmp_path):
    options = ["mixed", "--data", str(folder), "--output", str(tmp_path)]
    command.main([*options, "--tables", "car", "--n-splits", "2"])
    rows = records.read(tmp_path / "mixed.csv")
    assert len(rows) == 2 * 4 * 5
    found = mixed.cells(rows)
    np.testing.assert_allclose(found["AE"], 0.915)
    assert list(found.index.get_level_values("x")) == [0.1, 0.2, 0.5, 1.0]
    text = (tmp_path / "mixed.md").read_text(encoding="utf-8")
    assert "Not better than RFAE:\n\n- nowhere" in text
    assert (tmp_path / "mixed.png").exists()


@pytest.mark.usefixtures("short")
def test_rows_that_are_there_are_not_measured_again(folder, tmp_path):
    options = ["mixed", "--data", str(folder), "--output", str(tmp_path), "--quick"]
    command.main(options)
    before = records.read(tmp_path / "mixed_quick.csv")
    command.main([*options, "--resume"])
    pd.testing.assert_frame_equal(records.read(tmp_path / "mixed_quick.csv"), before)


def test_wins_are_counted_by_x_and_losses_named():
    rows = rows_of({"autoencoder": [0.5, 0.6, 0.7, 1], "RFAE": [0.6, 0.6, 0.6, 0.6]})
    found = mixed.cells(rows)
    table = mixed.wins_table(found)
    assert table["RFAE"].to_dict() == {"0.1": 0, "0.2": 0, "0.5": 1, "1": 1, "all": 2}
    assert table["cells"].to_list() == [1, 1, 1, 1, 4]
    assert [*mixed.lost_cells(found)] == [
        "car, x=0.1: 0.500, RFAE 0.600",
        "car, x=0.2: 0.600, RFAE 0.600",
    ]


@pytest.mark.parametrize(("lost", "kept"), [(2, True), (3, False)])
def test_promise_is_about_all_tables(lost, kept):
    forest = [0.6] * lost + [0.4] * (48 - lost)
    rows = rows_of({"autoencoder": [0.5] * 48, "RFAE": forest}, mixed.TABLES)
    assert [promise.kept for promise in mixed.promises(rows)] == [kept] + 4 * [False]
    assert mixed.promises(rows[rows["table"] == "car"]) == []


def test_picture_names_every_method():
    scores = {"autoencoder": [0.5] * 4, "FAMD": [0.6] * 4, "RFAE": [0.3] * 4}
    (ax,) = mixed.picture(rows_of(scores)).axes
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["FAMD", "autoencoder", "RFAE"]


def test_readme_shows_means_and_wins():
    forest = [0.6] * 2 + [0.4] * 46
    text = readme.mixed(
        rows_of({"autoencoder": [0.5] * 48, "RFAE": forest}, mixed.TABLES)
    )
    assert "| autoencoder | 0.50 | 0.50 | 0.50 | 0.50 |" in text
    assert "Better than RFAE in 46 of 48 cells." in text


def test_missing_tables_are_named():
    with pytest.raises(SystemExit, match="car: set --data"):
        command.main(["mixed", "--quick"])
