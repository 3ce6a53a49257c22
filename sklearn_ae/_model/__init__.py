"""PCA plus a learned correction: modules, code basis, steps of codes, inference."""

from .architecture import Architecture
from .autoencoder import Autoencoder
from .build import Gated, build_autoencoder, build_network
from .code_basis import CodeBasis, CodeMoments, correlations
from .gauss_newton import GaussNewton
from .inference import Codec, FusedModule, check_finite, is_fused
from .jacobian import average_jacobian
from .losses import (
    HUBER_THRESHOLD,
    AbsoluteError,
    CellLoss,
    HuberError,
    LogLoss,
    LossSum,
    SquaredError,
    share_of,
)
from .ridge import has_ridge_solution, refit_last_layer
from .tensors import as_tensor, data_units
from .threads import private_generators, training_mode, without_denormals
