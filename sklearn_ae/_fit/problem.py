"""What is to be learned from which rows, as one immutable value."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from sklearn_ae._data import LinearStart
from sklearn_ae._model import (
    Architecture,
    Autoencoder,
    GaussNewton,
    build_autoencoder,
    data_units,
)
from sklearn_ae._training import (
    Corruption,
    EpochBar,
    Net,
    Objective,
    Rows,
    TrainingOptions,
    spread_rows,
    start_training,
)


@dataclass(frozen=True)
class Problem:
    """What is to be learned: a correction of a linear start, from rows."""

    start: LinearStart
    architecture: Architecture
    options: TrainingOptions
    rows: Rows
    objective: Objective
    seed: int
    repetitions: float = 1.0  # rows that one of weight 1 stands for
    bar: EpochBar | None = None

    @classmethod
    def of_rows(
        cls,
        start: LinearStart,
        architecture: Architecture,
        options: TrainingOptions,
        rows: Rows,
        seed: int,
        repetitions: float = 1.0,
    ) -> Problem:
        """Move rows to the device and measure what PCA leaves of them."""
        rows, corruption = rows.to(options.device), None
        if options.noise is not None:
            mean, scale = (part.to(options.device) for part in data_units(start))
            corruption = Corruption(
                options.noise, mean, scale, architecture.is_bounded, seed
            )
        pca = None
        if architecture.init == "pca":
            pca = build_autoencoder(start, architecture, seed).to(options.device)
            pca.shrink(0.0)
        objective = Objective.of_start(
            options.loss,
            start,
            rows.some(),
            pca,
            code_penalty=options.code_penalty,
            corruption=corruption,
            is_bounded=architecture.is_bounded,
        )
        objective = replace(objective, is_weighted=not rows.count_alike)
        return cls(start, architecture, options, rows, objective, seed, repetitions)

    def expect(self, n_epochs: int) -> None:
        """Let the bar, if there is one, expect so many epochs more."""
        if self.bar is not None:
            self.bar.extend(n_epochs)

    def untrained(self, start: LinearStart | None = None) -> Autoencoder:
        """Return an untrained module, of the PCA of these or of other rows."""
        return build_autoencoder(start or self.start, self.architecture, self.seed)

    def pca(self) -> Autoencoder:
        """Return PCA alone, where the rows are."""
        module = self.untrained().to(self.options.device)
        module.shrink(0.0)
        return module

    def loss(self, module: Autoencoder, rows: Rows | None = None) -> float:
        """Sum of the losses on the training rows, if not too many, or on others."""
        rows = self.rows.some() if rows is None else rows
        return self.objective.measure(module, rows).loss

    def is_least_squares(self, module: Autoencoder) -> bool:
        """Whether errors of reconstructions from whole codes are all that counts."""
        nested = self.options.nested_dropout > 0
        return not nested and self.objective.is_least_squares(module)

    def net(self, module: Autoencoder, valid: Rows | None = None) -> Net:
        """Return a net that is ready to train a module."""
        return start_training(
            module,
            None if valid is None else valid.to(self.options.device).dataset(),
            criterion=self.objective.criterion(module, self.start),
            corruption=self.objective.corruption,
            options=self.options,
            n_rows=len(self.rows),
            seed=self.seed,
        )

    def gauss_newton_steps(self, module: Autoencoder, rows: Rows) -> GaussNewton | None:
        """Return the steps for the codes of a module that was trained on some rows.

        None where they are not known, or none are wanted.
        """
        n_steps = self.architecture.n_steps
        if n_steps == 0 or module.is_pca or not self.is_least_squares(module):
            return None
        n_components = self.architecture.n_components
        some = rows[torch.from_numpy(spread_rows(len(rows), n_components))]
        like = module.components
        return GaussNewton.of_rows(
            module,
            some.x[:].to(like),
            (some.row_weight / some.row_weight.sum()).to(like),
            unit=self.objective.unit,
            shift_cost=self.objective.shift_cost,
            n_steps=n_steps,
        )
