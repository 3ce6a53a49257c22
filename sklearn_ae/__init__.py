"""Autoencoders as scikit-learn transformers."""

from sklearn_ae._autoencoder import AutoencoderTransformer
from sklearn_ae._network import FullyConnected
from sklearn_ae._version import __version__ as __version__

__all__ = ["AutoencoderTransformer", "FullyConnected"]
