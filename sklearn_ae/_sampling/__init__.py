"""Rows that resemble a table: mixtures, draws of codes and residuals, margins."""

from sklearn_ae._sampling.densities import drawn_codes as drawn_codes
from sklearn_ae._sampling.densities import fitted_mixture as fitted_mixture
from sklearn_ae._sampling.margins import Margins as Margins
from sklearn_ae._sampling.matrices import Matrices as Matrices
from sklearn_ae._sampling.matrices import codes_of as codes_of
from sklearn_ae._sampling.matrices import numbers_of as numbers_of
from sklearn_ae._sampling.residuals import drawn_residuals as drawn_residuals
