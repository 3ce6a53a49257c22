"""A fitted estimator as a model that needs no estimator."""

from .torch_autoencoder import TorchAutoencoder
