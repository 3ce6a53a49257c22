"""Model cards."""

import json
import re
from hashlib import sha256

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ae import AutoencoderImputer, AutoencoderTransformer, model_card

# A bar or a backslash before a bar would begin another cell.
BAD = ["|", "\\|", "a|b\n| c | d |", "`x`", "<script>", "[x](y)", "&#124;", "_a_"]
BAD += ["\u202e", "\\\\|"]


def tables(card):
    """Return the lines of all tables as lists of cells."""
    lines = [line for line in card.splitlines() if line.startswith("|")]
    return [line[2:-2].split(" | ") for line in lines]


def facts(card):
    return {line[0]: line[1] for line in tables(card)}


def shares(card):
    """Return the shares of all codes and of PCA."""
    lines = [line for line in tables(card) if line[0].isdigit()]
    return [[float(one) for one in line[1:]] for line in lines]


def test_card_has_sizes_versions_and_shares(quick, linear):
    model = quick().fit(linear)
    found = facts(card := model_card(model, linear))
    assert card.startswith("# Model card of AutoencoderTransformer\n")
    assert (found["rows"], found["columns"], found["codes"]) == ("60", "6", "2")
    assert {"sklearn_ae", "scikit-learn", "skorch", "torch"} <= found.keys()
    assert float(found["best_loss\\_"]) == pytest.approx(model.best_loss_, rel=1e-3)
    assert float(found["pca_score\\_"]) == pytest.approx(model.pca_score_, rel=1e-3)
    assert float(found["shrinkage\\_"]) == pytest.approx(model.shrinkage_, rel=1e-3)
    of_pca = PCA(2).fit(linear).explained_variance_ratio_
    wanted = np.transpose([model.explained_variance_ratio_, of_pca])
    np.testing.assert_allclose(shares(card), wanted, rtol=1e-3)


def test_without_rows_pca_is_known_as_a_whole(quick, linear):
    model = quick().fit(linear)
    card = model_card(model)
    assert facts(card)["rows"] == "not given"
    totals = [f"{one:.4g}" for one in (model.score(linear), model.pca_score_)]
    assert ["all", *totals] in tables(card)


def test_all_parameters_are_listed_and_changed_ones_named(linear):
    model = AutoencoderTransformer(1, max_iter=2, random_state=0).fit(linear)
    card = model_card(model)
    wanted = "other than the default: max_iter=2, n_components=1, random_state=0."
    assert wanted in card
    names = {line[0] for line in tables(card)}
    assert model.get_params().keys() <= names
    assert ["max_iter", "2", "'auto'"] in tables(card)


def test_hash_is_that_of_names_or_of_the_count(quick, linear):
    frame = pd.DataFrame(linear, columns=list("abcdé|"))
    names = json.dumps(["a", "b", "c", "d", "é", "|"]).encode()
    name = "SHA-256 of the columns"
    found = facts(model_card(quick().fit(frame)))
    assert found[name] == sha256(names).hexdigest()
    found = facts(model_card(quick().fit(linear)))
    assert found[name] == sha256(b"6").hexdigest()
    assert found["names of columns"] == "none"


def test_steps_and_parts_are_listed(quick, linear):
    frame = pd.DataFrame(linear, columns=list("abcdef"))
    inner = make_column_transformer(
        (make_pipeline(StandardScaler(), quick()), ["a", "b", "c"]),
        ("passthrough", ["d"]),
    )
    model = make_pipeline(inner, "passthrough", LinearRegression())
    model.fit(frame, frame["a"])
    card = model_card(model, frame)
    steps = [line[0] for line in tables(card) if line[0].startswith("Pipeline")]
    assert steps == [
        "Pipeline",
        "Pipeline: columntransformer",
        "Pipeline: columntransformer: pipeline",
        "Pipeline: columntransformer: pipeline: standardscaler",
        "Pipeline: columntransformer: pipeline: autoencodertransformer",
        "Pipeline: columntransformer: passthrough",
        "Pipeline: linearregression",
    ]
    imputer = AutoencoderImputer(quick()).fit(frame)
    assert "AutoencoderImputer: estimator_" in model_card(imputer).replace("\\", "")


def test_pca_is_that_of_what_comes_before(quick, linear):
    model = make_pipeline(StandardScaler(), quick()).fit(linear)
    of_pca = PCA(2).fit(model[0].transform(linear)).explained_variance_ratio_
    found = [share for _, share in shares(model_card(model, linear))]
    np.testing.assert_allclose(found, of_pca, rtol=1e-3)


@pytest.mark.parametrize("name", BAD)
def test_names_cannot_break_the_table(quick, linear, name):
    frame = pd.DataFrame(linear, columns=[name, *"bcdef"])
    model = Pipeline([(name, quick(callbacks=[]))]).fit(frame)
    card = model_card(model)
    plain = model_card(Pipeline([("x", quick(callbacks=[]))]).fit(linear))
    assert len(card.splitlines()) == len(plain.splitlines())
    assert [len(line) for line in tables(card)] == [len(line) for line in tables(plain)]
    assert not re.search(r"(?<!\\)[`<\[]|(?<!\\)&(?!#124;)", card.replace("\\\\", ""))
    assert card.isascii()


@pytest.mark.parametrize("name", ["https://example.org/a", "www.example.org", "a@b.c"])
def test_names_are_no_links(quick, linear, name):
    frame = pd.DataFrame(linear, columns=[name, *"bcdef"])
    assert not re.search(r"://|www\.|@", model_card(quick().fit(frame)))


def test_rows_may_be_sparse(quick, linear):
    model = quick().fit(csr_array(linear))
    assert facts(model_card(model, csr_array(linear)))["rows"] == str(len(linear))


def test_rows_of_other_columns_are_refused(quick, linear):
    with pytest.raises(ValueError, match="X has 3 features"):
        model_card(quick().fit(linear), linear[:, :3])


def test_card_is_written(quick, linear, tmp_path):
    path = tmp_path / "README.md"
    card = model_card(quick().fit(linear), path=path)
    assert path.read_text(encoding="utf-8") == card


def test_unfitted_estimator_has_no_card(quick):
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        model_card(quick())
