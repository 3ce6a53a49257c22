"""Tables of mixed columns for the tests, and the way through an encoder."""

import numpy as np
import pandas as pd

from sklearn_ae import TableEncoder

N_ROWS = 60


def mixed(n_rows=N_ROWS, seed=0):
    """One column of each dtype."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "int": rng.integers(0, 50, n_rows),
            "uint8": rng.integers(0, 200, n_rows).astype(np.uint8),
            "float": rng.normal(size=n_rows),
            "float32": rng.normal(size=n_rows).astype(np.float32),
            "bool": rng.random(n_rows) < 0.3,
            "text": rng.choice(["a", "b", "c"], n_rows),
            "object": pd.Series(rng.choice(["u", "v"], n_rows), dtype=object),
            "category": pd.Categorical(
                rng.choice(["x", "y"], n_rows), categories=["y", "x", "z"], ordered=True
            ),
            "codes": pd.Categorical(rng.choice([3, 1], n_rows)),
            "hours": pd.date_range("2020-01-01", periods=n_rows, freq="h"),
            "zone": pd.date_range("2020", periods=n_rows, freq="D", tz="Europe/Berlin"),
            "seconds": pd.to_timedelta(rng.integers(0, 1000, n_rows), unit="s"),
            "Int64": pd.array(rng.integers(0, 9, n_rows), dtype="Int64"),
            "boolean": pd.array(rng.random(n_rows) < 0.5, dtype="boolean"),
            "string": pd.array(rng.choice(["p", "q"], n_rows), dtype="string"),
            "constant": 7,
            "one_text": "same",
        }
    )


def with_holes(frame):
    """Take away a cell of every column that can miss one, and all of two more."""
    frame = frame.copy()
    for i, name in enumerate(frame):
        if frame[name].dtype not in (np.int64, np.uint8, bool):
            frame.loc[i, name] = None
    return frame.assign(no_number=np.nan, no_text=None)


def back_and_forth(frame, **parameters):
    encoder = TableEncoder(**parameters).fit(frame)
    return encoder.inverse_transform(encoder.transform(frame))
