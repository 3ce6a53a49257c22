"""What estimators predict of a target from rows that they were not fitted to."""

from sklearn_ae._target.appended import pca_loss_ratio as pca_loss_ratio
from sklearn_ae._target.appended import total_variance as total_variance
from sklearn_ae._target.candidates import Candidate as Candidate
from sklearn_ae._target.candidates import default_candidates as default_candidates
from sklearn_ae._target.cross_fitting import Learned as Learned
from sklearn_ae._target.cross_fitting import Predictor as Predictor
from sklearn_ae._target.cross_fitting import learn as learn
from sklearn_ae._target.folds import folds_of as folds_of
from sklearn_ae._target.folds import splitter_of as splitter_of
from sklearn_ae._target.outputs import Form as Form
from sklearn_ae._target.outputs import outputs_of as outputs_of
from sklearn_ae._target.outputs import type_of as type_of
from sklearn_ae._target.routing import routed_params as routed_params
