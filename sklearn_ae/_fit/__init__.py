"""A fit, step by step: start, train, cross-validate, finish."""

from sklearn_ae._fit.callback_support import (
    CallbackSupportMixin as CallbackSupportMixin,
)
from sklearn_ae._fit.callback_support import with_callbacks as with_callbacks
from sklearn_ae._fit.code_size import code_size as code_size
from sklearn_ae._fit.constraints import PARAMETER_CONSTRAINTS as PARAMETER_CONSTRAINTS
from sklearn_ae._fit.epochs import most_epochs as most_epochs
from sklearn_ae._fit.fit import fit_autoencoder as fit_autoencoder
from sklearn_ae._fit.module_parameters import (
    ModuleParametersMixin as ModuleParametersMixin,
)
from sklearn_ae._fit.parameters import choose_folds as choose_folds
from sklearn_ae._fit.parameters import describe_network as describe_network
from sklearn_ae._fit.parameters import describe_training as describe_training
from sklearn_ae._fit.progress import epoch_report as epoch_report
from sklearn_ae._fit.result import Fit as Fit
from sklearn_ae._fit.result import check_continues as check_continues
from sklearn_ae._fit.samples import training_data as training_data
