"""Torch modules for the parameter `module`."""

from sklearn_ae.networks.convolutional import Convolutional as Convolutional
from sklearn_ae.networks.fully_connected import ACTIVATIONS as ACTIVATIONS
from sklearn_ae.networks.fully_connected import Correction as Correction
from sklearn_ae.networks.fully_connected import FullyConnected as FullyConnected
from sklearn_ae.networks.registry import NETWORKS as NETWORKS
from sklearn_ae.networks.series import Recurrent as Recurrent
from sklearn_ae.networks.series import Transformer as Transformer
from sklearn_ae.networks.soft_tree import SoftTree as SoftTree
from sklearn_ae.networks.variational import Variational as Variational
