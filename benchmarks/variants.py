"""Variants of the estimator: mechanisms switched off, and values changed."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pkgutil import resolve_name
from typing import Any
from unittest.mock import patch

import numpy as np
from skorch import NeuralNet

from benchmarks.cells import Cell, Fitted, measure_cell
from benchmarks.datasets import check_names
from benchmarks.measuring import CPU_SECONDS, stopwatch
from benchmarks.records import Row
from sklearn_ae import AutoencoderTransformer

# Where the package has what the variants change. Each is looked up at every fit, so
# that a replacement counts: a function is named where it is called from.
NAMES = {
    "shrinkage": "sklearn_ae._fit.train.cross_validated_shrinkage",
    "best_shrinkage": "sklearn_ae._fit.cross_validation._best_shrinkage",
    "measure": "sklearn_ae._fit.cross_validation.HeldOut.measure",
    "n_errors": "sklearn_ae._fit.cross_validation.N_ERRORS",
    "few_samples": "sklearn_ae._fit.cross_validation.FEW_SAMPLES",
    "equal_rows": "sklearn_ae._fit.cross_validation.equal_rows",
    "worth": "sklearn_ae._fit.budget.WORTH",
    "first_epochs": "sklearn_ae._fit.budget.FIRST_EPOCHS",
    "is_worth_it": "sklearn_ae._fit.train.is_worth_it",
    "epochs_that_follow": "sklearn_ae._fit.train.epochs_that_follow",
    "show_averages": "sklearn_ae._training.callbacks.AveragedWeights.show",
    "power": "sklearn_ae._training.callbacks.POWER",
    "fold_start": "sklearn_ae._data.linear_start.LinearStart.of_rows",
    "has_ridge_solution": "sklearn_ae._fit.train.has_ridge_solution",
    "refit": "sklearn_ae._fit.train.refit_last_layer",
    "bandwidths": "sklearn_ae.networks.fully_connected.BANDWIDTHS",
    "silence": "sklearn_ae.networks.fully_connected.Correction.silence",
    "shift_cost": "sklearn_ae._training.objective.code_shift_cost",
    "shift_factor": "sklearn_ae._training.criterion.CODE_SHIFT_COST",
    "few_values": "sklearn_ae._training.criterion.FEW_VALUES",
    "steps": "sklearn_ae._fit.problem.GaussNewton.of_rows",
    "subspace": "sklearn_ae._data.linear_start._leading_subspace",
    "reach": "sklearn_ae._model.autoencoder.REACH",
    "set_pca": "sklearn_ae._model.autoencoder.CorrectedPCA.set_pca",
    "adam": "torch.optim.AdamW",
    "n_steps_rising": "sklearn_ae._training.callbacks.N_STEPS_RISING",
    "one_thread": "sklearn_ae._model.threads.one_thread",
    "is_fused": "sklearn_ae._model.inference.is_fused",
    "infer": "sklearn_ae._training.net.Net.infer",
    "get_loss": "sklearn_ae._training.net.Net.get_loss",
    "set_training": "sklearn_ae._training.net.Net._set_training",
    "notify": "sklearn_ae._training.net.Net.notify",
}

DEFAULT, OTHER_SEED = "default", "another seed"
ONE_ROW, ALL_ROWS = "row_microseconds", "transform_seconds"
N_CALLS = 100  # of transform with one row

# Gets what a name stands for and returns what takes its place.
Change = Callable[[Any], Any]


def to(value: Any) -> Change:
    """Replace a constant."""
    return lambda original: value


def giving(value: Any) -> Change:
    """Replace a function by one that always returns the same."""
    return lambda original: lambda *args, **kwargs: value


def _whole(measure: Any) -> Any:
    """Measure folds with the whole correction or none, whatever part is asked for.

    So a smaller part never has a smaller loss, and the search ends with the whole.
    """

    def measured(held_out: Any, objective: Any, factor: float, stepping: bool) -> Any:
        return measure(held_out, objective, math.ceil(factor), stepping)

    return measured


def _measured(stepping: bool, shrinkage: Any) -> Any:
    """Measure codes with steps alone, where there are any, or without steps alone."""
    best_shrinkage = resolve_name(NAMES["best_shrinkage"])

    def measured(held_out: Any, objective: Any) -> Any:
        has_steps = any(one.module.steps is not None for one in held_out)
        return best_shrinkage(held_out, objective, stepping=stepping and has_steps)

    return measured


def _without_shift_cost(of_rows: Any) -> Any:
    """Let the steps go wherever reconstructions are nearest."""
    return lambda *args, **kwargs: of_rows(*args, **{**kwargs, "shift_cost": 0.0})


def _without_skip(silence: Any) -> Any:
    """Keep the linear map beside each perceptron at zero."""

    def silenced(correction: Any) -> None:
        silence(correction)
        correction.skip.weight.requires_grad_(False)

    return silenced


def _with_penalty(penalty: float, refit: Any) -> Any:
    """Refit the last layer with another penalty."""
    return lambda module, blocks: refit(module, blocks, penalty)


def _scaled_code_step(factor: float, set_pca: Any) -> Any:
    """Let the codes' correction start with another scale."""

    def scaled(module: Any, *args: Any) -> None:
        set_pca(module, *args)
        module.code_step = module.code_step * factor

    return scaled


def _with_arguments(original: Any, **arguments: Any) -> Any:
    """Call a class with other arguments."""
    return lambda *args, **kwargs: original(*args, **kwargs | arguments)


def _inherited(name: str) -> Change:
    """Let skorch's net do what is overridden."""
    return lambda _: getattr(NeuralNet, name)


def worth_at_once(losses: list[float]) -> bool:
    """Let training end where one round gains little."""
    least = 1 - resolve_name(NAMES["worth"])
    return len(losses) < 2 or losses[-1] < least * min(losses[:-1])


def transform_times(fitted: Fitted) -> Row:
    """Time `transform`, as it is used: of one row and of all held-out ones, float32."""
    X = fitted.split.X_test.astype(np.float32)

    def row_by_row() -> None:
        for _ in range(N_CALLS):
            fitted.model.transform(X[:1])

    one = stopwatch(row_by_row)[CPU_SECONDS] / N_CALLS
    many = stopwatch(lambda: fitted.model.transform(X))[CPU_SECONDS]
    return {ONE_ROW: 1e6 * one, ALL_ROWS: many}


# Compared by identity, which makes `build` hashable: it is warmed up once per variant.
@dataclass(frozen=True, eq=False)
class Variant:
    """The default estimator with something changed."""

    parameters: Mapping[str, Any] = field(default_factory=dict)
    changes: Mapping[str, Change] = field(default_factory=dict)  # by names in `NAMES`
    seed_shift: int = 0
    inference: bool = False  # whether the time of `transform` matters too

    def build(self, n_components: int, random_state: int) -> AutoencoderTransformer:
        """Build the estimator; its fit needs `patched` too."""
        seed = random_state + self.seed_shift
        return AutoencoderTransformer(
            n_components, random_state=seed, device="cpu", **self.parameters
        )

    @contextmanager
    def patched(self) -> Iterator[None]:
        """Change the package for a while."""
        with ExitStack() as stack:
            for name, change in self.changes.items():
                path = NAMES[name]
                stack.enter_context(patch(path, change(resolve_name(path))))
            yield

    def measure(self, cell: Cell) -> Row:
        """Measure this variant in a cell."""
        more = transform_times if self.inference else (lambda fitted: {})
        with self.patched():
            return measure_cell(cell, self.build, more)


def changing(**changes: Change) -> Variant:
    """Change the package, without other parameters."""
    return Variant(changes=changes)


SWITCHED_OFF: dict[str, Variant] = {
    DEFAULT: Variant(inference=True),
    OTHER_SEED: Variant(seed_shift=1000),
    "no steps": Variant({"transform_max_iter": 0}, inference=True),
    "no steps nor fused encoder": Variant(
        {"transform_max_iter": 0}, {"is_fused": giving(False)}, inference=True
    ),
    "no cross-validation": Variant({"cv": None}),
    "shrinkage 0 or 1": changing(measure=_whole),
    "any gain counts": changing(n_errors=to(0.0)),
    "shrinkage by the encoder alone": changing(shrinkage=partial(_measured, False)),
    "shrinkage by the steps alone": changing(shrinkage=partial(_measured, True)),
    "one fold": changing(few_samples=to(0)),
    "equal rows in any fold": changing(
        equal_rows=lambda _: lambda x: np.arange(len(x))
    ),
    "PCA of all rows in folds": changing(
        fold_start=lambda _: lambda start, *args, **kwargs: start
    ),
    "no training after cross-validation": changing(epochs_that_follow=giving(0)),
    "epochs do not follow the folds": changing(
        is_worth_it=giving(False), first_epochs=to(16)
    ),
    "one round has to be worth it": changing(is_worth_it=lambda _: worth_at_once),
    "no averages": changing(show_averages=giving(None)),
    "no refit": changing(has_ridge_solution=giving(False)),
    "no bandwidth": changing(bandwidths=to(1e30)),
    "no linear skip": changing(silence=_without_skip),
    "no shift cost": changing(shift_cost=giving(0.0)),
    "shift cost not by size": changing(few_values=to(0)),
    "shift cost not in steps": changing(steps=_without_shift_cost),
    "no leading subspace": changing(subspace=giving(None)),
    "no range": changing(reach=to(1e30)),
    "no decay": Variant({"alpha": 0.0}),
    "no warm-up": changing(n_steps_rising=to(0)),
    "torch takes all threads": changing(one_thread=giving(nullcontext())),
}
# What else the defaults could be: parameters, then constants, then skorch's own ways.
OTHER_VALUES = {
    f"{name} {value}": Variant({name: value})
    for name, values in {
        "learning_rate_init": (0.005, 0.02),
        "hidden_layer_sizes": ((128, 64), (256, 64), (128, 128), (256,)),
        "activation": ("relu", "tanh"),
        "batch_size": (64, 128, 512),
        "early_stopping": (True,),
    }.items()
    for value in values
} | {
    f"{name} {value}": changing(**{name: to(value)})
    for name, values in {
        "bandwidths": (1.0, 3.0),
        "shift_factor": (0.2, 1.0),
        "worth": (0.2,),
        "power": (3, 16),
        "n_errors": (3.0,),
        "reach": (1.0, 2.0),
    }.items()
    for value in values
}
STEPS = {f"transform_max_iter {n}": n for n in (0, 1, 2, 4, 8)}
OTHER_VALUES |= {
    name: Variant({"transform_max_iter": n_steps}, inference=True)
    for name, n_steps in STEPS.items()
}
OTHER_VALUES |= {
    f"penalty {value}": changing(refit=partial(_with_penalty, value))
    for value in (10.0, 100.0)
}
OTHER_VALUES |= {
    "code step 1": changing(set_pca=partial(_scaled_code_step, 1 / 0.6)),
    "betas (0.9, 0.999)": changing(adam=partial(_with_arguments, betas=(0.9, 0.999))),
    "inherited infer": changing(infer=_inherited("infer")),
    "inherited get_loss": changing(get_loss=_inherited("get_loss")),
    "inherited _set_training": changing(set_training=_inherited("_set_training")),
    "inherited notify": changing(notify=_inherited("notify")),
}
VARIANTS = SWITCHED_OFF | OTHER_VALUES


def check_internals(variants: Iterable[Variant]) -> None:
    """Refuse to begin where something that a variant changes has another name."""
    for name in {name for variant in variants for name in variant.changes}:
        try:
            resolve_name(NAMES[name])
        except (ImportError, AttributeError) as error:
            raise ValueError(
                f"NAMES[{name!r}] = {NAMES[name]!r} in benchmarks/variants.py does not "
                f"exist: {error}. Name what has taken its place."
            ) from error


def choose_variants(names: Sequence[str] | None, values: bool) -> dict[str, Variant]:
    """Return the default and the variants to compare it with."""
    check_names("variant", names, list(VARIANTS))
    wanted = {DEFAULT, *names} if names else VARIANTS if values else SWITCHED_OFF
    chosen = {name: VARIANTS[name] for name in VARIANTS if name in wanted}
    check_internals(chosen.values())
    return chosen
