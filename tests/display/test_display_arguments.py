import re
import sys

import pytest
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_ae import (
    AutoencoderTransformer,
    CodesDisplay,
    ExplainedVarianceDisplay,
    LossCurveDisplay,
    ReconstructionDisplay,
)

pytestmark = pytest.mark.usefixtures("closed_figures")


@pytest.mark.parametrize(
    ("display", "estimator", "given", "missing"),
    [
        (LossCurveDisplay, PCA(2), "PCA(n_components=2)", "loss"),
        (
            LossCurveDisplay,
            MLPRegressor(hidden_layer_sizes=2, max_iter=1),
            "MLPRegressor(",
            "pca_score_",
        ),
        (ExplainedVarianceDisplay, PCA(), "PCA()", "hidden_layer_sizes"),
        (
            ExplainedVarianceDisplay,
            make_pipeline(StandardScaler(), LinearRegression()),
            "LinearRegression()",
            "n_components, hidden_layer_sizes",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")  # of MLPRegressor
def test_estimators_without_what_is_read_are_refused(
    curved, display, estimator, given, missing
):
    estimator.fit(curved, curved[:, 0])
    rows = () if display is LossCurveDisplay else (curved,)
    message = f"or a Pipeline that ends in one, but {given}"
    with pytest.raises(TypeError, match=f"{re.escape(message)}.* lacks .*{missing}"):
        display.from_estimator(estimator, *rows)


@pytest.mark.parametrize("estimator", [None, AutoencoderTransformer])
def test_what_is_no_estimator_is_refused(curved, estimator):
    message = f"estimator must be an AutoencoderTransformer.* {estimator!r} lacks"
    with pytest.raises(TypeError, match=message):
        ExplainedVarianceDisplay.from_estimator(estimator, curved)


def test_other_estimators_with_these_attributes_are_drawn():
    class Lookalike(BaseEstimator):
        loss = "squared_error"

        def fit(self, X, y=None):
            self.loss_curve_ = [0.5, 0.4]
            self.validation_loss_curve_ = None
            self.pca_score_ = 0.4
            return self

    display = LossCurveDisplay.from_estimator(Lookalike().fit(None))
    assert_array_equal(display.loss_curve, [0.5, 0.4])


@pytest.mark.parametrize(
    "display",
    [
        LossCurveDisplay([0.5]),
        ExplainedVarianceDisplay([1], [0.5], [0.4]),
        CodesDisplay([[0.0, 1.0]], y=["a"]),
        ReconstructionDisplay([[0.0, 1.0]], [[0.0, 1.0]]),
    ],
)
def test_missing_matplotlib_is_named(display):
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "matplotlib", None)
        message = f"{type(display).__name__}.plot requires matplotlib"
        with pytest.raises(ImportError, match=re.escape(message)):
            display.plot()
