"""Plots of what an estimator has learned, from its public attributes alone."""

from sklearn_ae._display.codes import CodesDisplay
from sklearn_ae._display.explained_variance import ExplainedVarianceDisplay
from sklearn_ae._display.loss_curve import LossCurveDisplay
from sklearn_ae._display.reconstructions import ReconstructionDisplay

__all__ = [
    "CodesDisplay",
    "ExplainedVarianceDisplay",
    "LossCurveDisplay",
    "ReconstructionDisplay",
]
