"""Autoencoders as scikit-learn transformers."""

from sklearn_ae._autoencoder import AutoencoderTransformer
from sklearn_ae._display_codes import CodesDisplay
from sklearn_ae._display_curves import ExplainedVarianceDisplay, LossCurveDisplay
from sklearn_ae._display_reconstructions import ReconstructionDisplay
from sklearn_ae._network import FullyConnected
from sklearn_ae._version import __version__ as __version__

__all__ = [
    "AutoencoderTransformer",
    "CodesDisplay",
    "ExplainedVarianceDisplay",
    "FullyConnected",
    "LossCurveDisplay",
    "ReconstructionDisplay",
]
