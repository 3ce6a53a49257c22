"""A fitted estimator as a model that needs no estimator."""

from .resident import ResidentCodec
from .torch_autoencoder import TorchAutoencoder
