"""A fit, step by step: start, train, cross-validate, finish."""

from .budget import most_epochs
from .code_size import code_size
from .constraints import PARAMETER_CONSTRAINTS
from .fit import fit_autoencoder
from .module_parameters import ModuleParametersMixin
from .parameters import choose_folds, describe_network, describe_training
from .progress import CallbackSupportMixin, EpochReport, with_callbacks
from .result import Fit, check_continues
from .samples import Data, drawn_data, training_data
from .stream import Stream, carry_on
