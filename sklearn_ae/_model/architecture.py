"""What the network of a fit is to be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sklearn_ae.networks import FullyConnected


@dataclass(frozen=True)
class Architecture:
    """What the estimator's parameters say about the network; names are theirs."""

    n_components: int
    hidden_layer_sizes: Sequence[int]
    activation: str
    code_activation: str
    output_activation: str
    init: str
    whiten: bool
    sparse: bool  # whether the codes' zeros mean something
    n_steps: int = 0  # of the codes towards the rows, in transform
    module: Any = FullyConnected
    module_parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_built_in(self) -> bool:
        """Whether the network is the default one."""
        return self.module is FullyConnected

    @property
    def is_linear(self) -> bool:
        """Whether the network bends nothing."""
        return self.is_built_in and len(self.hidden_layer_sizes) == 0

    @property
    def is_bounded(self) -> bool:
        """Whether reconstructions lie between 0 and 1."""
        return self.output_activation == "logistic"
