"""The benchmark of encodings, at a small size."""

import numpy as np
import pandas as pd
import pytest

from benchmarks import encodings, records


def test_postcodes_follow_from_two_factors():
    table = encodings.postcodes(500, 0, is_even=True)
    nearby = table.groupby("code")[["north", "east"]].std()
    assert (nearby.mean() < 0.1).all()
    assert table["code"].nunique() > 400
    uneven = encodings.postcodes(500, 0, is_even=False)
    assert uneven["code"].nunique() < 350


def test_hashed_categories_are_the_most_frequent_of_their_buckets():
    table = pd.DataFrame({"code": [f"P{i}" for i in range(400)] + ["P7"] * 3})
    hashed = encodings.HashedCategories().fit(table)
    found = hashed.transform(table)["code"]
    assert found.nunique() <= encodings.WIDTH
    assert (found[400:] == "P7").all()
    assert (found == table["code"]).mean() > 0.4


def test_cycles_are_those_of_the_date():
    table = encodings.clocks(300, 0)
    encoder = encodings.WithCycles().fit(table)
    found = encoder.transform(table)
    angle = np.arctan2(found["hour sine"], found["hour cosine"]) % (2 * np.pi)
    hour = (angle * 24 / (2 * np.pi)).round() % 24
    assert (hour == table["time"].dt.hour).all()
    pd.testing.assert_frame_equal(encoder.inverse_transform(found), table)


@pytest.mark.parametrize(
    ("table", "method"),
    [("postcodes, Zipf", encodings.HASHED), ("clocks", encodings.CYCLES)],
)
def test_cell_is_measured_and_reported(table, method, tmp_path):
    row = encodings.Cell(table, 0, 200).measure(2, method)
    assert 0 <= row[encodings.OWN] <= 1
    assert 0.3 < row[encodings.OTHERS] <= 1
    path = tmp_path / "rows.csv"
    records.start(records.read(path), encodings.SUITE.columns, path)
    records.append(row, encodings.SUITE.columns, path)
    text = encodings.SUITE.text(records.read(path))
    assert f"{method}, own_score" in text
