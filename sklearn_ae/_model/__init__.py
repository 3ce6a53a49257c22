"""PCA plus a learned correction: modules, code basis, steps of codes, inference."""

from sklearn_ae._model.architecture import Architecture as Architecture
from sklearn_ae._model.autoencoder import Autoencoder as Autoencoder
from sklearn_ae._model.build import build_autoencoder as build_autoencoder
from sklearn_ae._model.code_basis import CodeBasis as CodeBasis
from sklearn_ae._model.code_basis import CodeMoments as CodeMoments
from sklearn_ae._model.gauss_newton import GaussNewton as GaussNewton
from sklearn_ae._model.inference import Codec as Codec
from sklearn_ae._model.jacobian import average_jacobian as average_jacobian
from sklearn_ae._model.losses import HUBER_THRESHOLD as HUBER_THRESHOLD
from sklearn_ae._model.losses import AbsoluteError as AbsoluteError
from sklearn_ae._model.losses import HuberError as HuberError
from sklearn_ae._model.losses import LogLoss as LogLoss
from sklearn_ae._model.losses import LossSum as LossSum
from sklearn_ae._model.losses import SquaredError as SquaredError
from sklearn_ae._model.ridge import has_ridge_solution as has_ridge_solution
from sklearn_ae._model.ridge import refit_last_layer as refit_last_layer
from sklearn_ae._model.tensors import as_tensor as as_tensor
from sklearn_ae._model.tensors import data_units as data_units
from sklearn_ae._model.threads import private_generators as private_generators
from sklearn_ae._model.threads import training_mode as training_mode
