"""Training with skorch: net, batches, callbacks, noise, objective."""

from sklearn_ae._training.callbacks import EpochBar as EpochBar
from sklearn_ae._training.callbacks import EpochTasks as EpochTasks
from sklearn_ae._training.net import Net as Net
from sklearn_ae._training.net import Phase as Phase
from sklearn_ae._training.net import end_training as end_training
from sklearn_ae._training.net import finished_net as finished_net
from sklearn_ae._training.net import run_epochs as run_epochs
from sklearn_ae._training.net import start_training as start_training
from sklearn_ae._training.noise import KINDS as KINDS
from sklearn_ae._training.noise import Corruption as Corruption
from sklearn_ae._training.noise import Noise as Noise
from sklearn_ae._training.objective import Objective as Objective
from sklearn_ae._training.options import TrainingOptions as TrainingOptions
from sklearn_ae._training.options import check_callback as check_callback
from sklearn_ae._training.options import resolve_device as resolve_device
from sklearn_ae._training.rows import Rows as Rows
from sklearn_ae._training.rows import spread_rows as spread_rows
