"""Turn the measured variants of the defaults into Markdown, from their CSV alone.

A *cell* is a table at one code size; its FVU is the mean over the splits.
"""

import numpy as np
import pandas as pd

from benchmarks import compression_summary as summary
from benchmarks.compression_report import circumstances, signed
from benchmarks.compression_summary import REFERENCE
from benchmarks.markdown import bullets, markdown, number
from benchmarks.methods import RIVALS

DEFAULT = "default"
OTHER_SEED = "another seed"
# Differences below this share are not counted; another seed alone often makes them.
MARGIN = 0.01
BY_DEFAULT = "by default's"
SCORE = "linear score"
SECONDS = "seconds"

_INTRO = """\
# Defaults

What `AutoencoderTransformer` loses, and how long it takes, with one default changed at
a time. Names in capitals are constants of the package, the others parameters of the
estimator; `max_iter` is half and twice the automatic number of epochs. Written from
the CSV of the same name by `python -m benchmarks.defaults`.

**These tables chose the defaults, and so flatter them**: on other tables, a change that
looks worse here may well be better. `another seed` changes nothing but `random_state`;
what it shows is chance. All variants take turns on each split of a table at a code
size, the default first. The table appliances is left out unless `--tables` asks for it,
as it takes too long.
"""

_ONE_SPLIT = """\
**One split of each table only, to save time**: a lucky fit of the default or of the
change weighs more here than in a mean over splits.
"""

_COLUMNS = f"""\
A cell is a table at one code size, mean over the splits.

- **by PCA's**: held-out FVU divided by PCA's, geometric mean over the cells
- **by default's**: the same, divided by the default's; below 1 the change is better
- **better**, **worse**: number of cells in which the change is better, or worse, by
  more than {MARGIN:.0%}
- **worst**: the largest FVU of a cell by the default's
- **{SECONDS}**: fit seconds by the default's, median of the cells
- **{SCORE}**: accuracy or R2 of a linear model on the codes, minus that with the
  default, mean over the tables
"""


def methods(rows: pd.DataFrame) -> list[str]:
    """List PCA, the default and its variants in the order in which they were fitted."""
    return list(rows["method"].unique())


def fvu_ratios(rows: pd.DataFrame, reference: str) -> pd.DataFrame:
    """Divide each cell's mean FVU by the reference's; a column per variant."""
    fvu = summary.held_out_fvu(rows, methods(rows))
    return summary.cell_ratios(fvu, reference).drop(columns=REFERENCE)


def time_ratios(rows: pd.DataFrame) -> pd.Series:
    """Divide each cell's fit seconds by the default's; the median over the cells."""
    seconds = summary.cell_means(summary.wide(rows, "fit_seconds", methods(rows)))
    return seconds.div(seconds[DEFAULT], axis=0).median()


def score_changes(rows: pd.DataFrame) -> pd.Series:
    """Subtract the default's linear score; the mean over tables, which count alike."""
    scores = summary.wide(rows, "linear_score", methods(rows))
    changes = summary.cell_means(scores.sub(scores[DEFAULT], axis=0))
    return summary.table_means(changes).loc["all tables"]


def geometric_mean(ratios: pd.DataFrame) -> pd.Series:
    """Average ratios over the cells: twice and half as much is no change."""
    return np.exp(np.log(ratios).mean())


def variant_summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Sum the variants up, a line each, the default first."""
    to_default = fvu_ratios(rows, DEFAULT)
    to_pca = geometric_mean(fvu_ratios(rows, REFERENCE))
    mean = geometric_mean(to_default)
    seconds, scores = time_ratios(rows), score_changes(rows)
    lines = {}
    for name in to_default:
        cells = to_default[name].dropna()
        lines[name] = {
            "by PCA's": to_pca[name],
            BY_DEFAULT: mean[name],
            "better": int((cells < 1 - MARGIN).sum()),
            "worse": int((cells > 1 + MARGIN).sum()),
            "worst": cells.max(),
            "worst cell": summary.label(cells.idxmax()),
            SECONDS: seconds[name],
            SCORE: scores[name],
        }
    table = pd.DataFrame.from_dict(lines, orient="index").rename_axis("variant")
    table.loc[DEFAULT, "worst cell"] = "-"
    return table


def by_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Average the ratios to the default over the code sizes of each table."""
    logarithms = np.log(fvu_ratios(rows, DEFAULT).drop(columns=DEFAULT))
    means = np.exp(logarithms.groupby(level="table").mean()).T
    return means.rename_axis("variant").rename_axis(None, axis=1)


def improvements(table: pd.DataFrame) -> list[str]:
    """Name the changes that lose less than the default on average, the best first."""
    others = table.drop(index=[DEFAULT, OTHER_SEED], errors="ignore")
    better = others[others[BY_DEFAULT] < 1].sort_values(BY_DEFAULT)
    return [
        f"{name}: FVU {number(line[BY_DEFAULT])}, seconds {number(line[SECONDS])}, "
        f"linear score {signed(line[SCORE])}; {line['better']} cells better, "
        f"{line['worse']} worse"
        for name, line in better.iterrows()
    ]


def caveats(rows: pd.DataFrame) -> list[str]:
    """Say what limits the figures of these rows in particular."""
    return [_ONE_SPLIT.strip()] if rows["split"].nunique() == 1 else []


def defaults_text(rows: pd.DataFrame) -> str:
    """Write the whole report."""
    table = variant_summary(rows)
    shown = table.assign(**{SCORE: table[SCORE].map(signed)})
    n_cells = len(rows[summary.CELL].drop_duplicates())
    sizes = sorted(rows["n_components"].unique())
    # The versions of packages that take no part are of no interest.
    named = rows.assign(**dict.fromkeys(RIVALS, ""))
    parts = [
        _INTRO.strip(),
        *caveats(rows),
        circumstances(named, methods(rows), sizes),
        f"## Variants, {n_cells} cells\n\n{_COLUMNS.strip()}",
        markdown(shown),
        "### Changes that lose less than the default on average",
        "Where another seed alone changes the mean as much, it may be chance.",
        bullets(improvements(table) or ["none"]),
        "## Held-out FVU by the default's, table by table",
        "Geometric mean over the code sizes.",
        markdown(by_table(rows)),
    ]
    return "\n\n".join(parts) + "\n"
