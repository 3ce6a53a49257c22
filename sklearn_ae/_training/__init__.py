"""Training with skorch: net, batches, callbacks, noise, objective."""

from .callbacks import EpochBar, EpochTasks
from .net import Net, end_training, finished_net, run_epochs, start_training
from .noise import KINDS, Corruption, Noise
from .objective import Objective
from .options import TrainingOptions, check_callback, resolve_device
from .rows import Rows, spread_rows
from .terms import LOSSES, check_loss, terms_of
