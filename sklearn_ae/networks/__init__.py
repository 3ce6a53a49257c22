"""Torch modules for the parameter `module`."""

from sklearn_ae.networks.fully_connected import ACTIVATIONS as ACTIVATIONS
from sklearn_ae.networks.fully_connected import Correction as Correction
from sklearn_ae.networks.fully_connected import FullyConnected as FullyConnected
