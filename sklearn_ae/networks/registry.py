"""The networks that files know by their names."""

from torch import nn

from sklearn_ae.networks.convolutional import Convolutional
from sklearn_ae.networks.fully_connected import FullyConnected
from sklearn_ae.networks.series import Recurrent, Transformer
from sklearn_ae.networks.soft_tree import SoftTree
from sklearn_ae.networks.variational import Variational

# Built on torch's "meta" device they take no memory, whatever sizes a file claims, but
# for those with `hidden_layer_sizes`, of which `_persistence` counts the weights.
NETWORKS: dict[str, type[nn.Module]] = {
    f"sklearn_ae.networks.{cls.__name__}": cls
    for cls in (
        Convolutional,
        FullyConnected,
        Recurrent,
        SoftTree,
        Transformer,
        Variational,
    )
}
