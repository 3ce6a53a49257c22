"""Autoencoders as scikit-learn transformers."""

from sklearn_ae._autoencoder import AutoencoderTransformer
from sklearn_ae._display.codes import CodesDisplay
from sklearn_ae._display.curves import ExplainedVarianceDisplay, LossCurveDisplay
from sklearn_ae._display.reconstructions import ReconstructionDisplay
from sklearn_ae._version import __version__ as __version__
from sklearn_ae.networks.fully_connected import FullyConnected

__all__ = [
    "AutoencoderTransformer",
    "CodesDisplay",
    "ExplainedVarianceDisplay",
    "FullyConnected",
    "LossCurveDisplay",
    "ReconstructionDisplay",
]
