"""A variational network: codes are drawn in training."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from sklearn_ae.networks.fully_connected import EncoderDecoder, Perceptron


class Variational(EncoderDecoder):
    """Fully connected network whose codes are drawn in training, near N(0, I).

    The encoder gives mean and variance of a normal distribution for each row. Training
    draws codes from it and pays for its divergence from N(0, I); `encode` gives the
    mean elsewhere. Use it as `module=Variational, init="random"`.

    Parameters
    ----------
    n_features : int
        Number of columns.
    n_components : int
        Number of codes.
    hidden_layer_sizes : sequence of int, default=(256, 128)
        Widths of the encoder's hidden layers; the decoder mirrors them.
    activation : {"identity", "logistic", "relu", "silu", "tanh"}, default="silu"
        Activation of the hidden layers.
    init : {"random"}, default="random"
        Given by the estimator. A correction of PCA has no codes of its own to draw.
    beta : float, default=1.0
        What the divergence is multiplied by, at least 0: 1 is the evidence lower bound,
        above it fewer codes are used, each on its own (Higgins et al., 2017).
    variance : "auto", float or None, default="auto"
        Variance of normal errors, for squared errors as `loss`; "auto" is that of a
        batch (Rybkin, Daniilidis & Levine, 2021). None takes the loss for minus a
        log-likelihood, as "log_loss" is.
    n_annealing_steps : int, default=200
        Steps in which `beta` rises from 0, so that codes are used before they cost
        (Bowman et al., 2016).

    Raises
    ------
    ValueError
        If `init` or `activation` is another, or if `beta` or `variance` is out of
        range.

    References
    ----------
    Kingma, D. P., & Welling, M. (2014). "Auto-encoding variational Bayes". ICLR 2014.
    """

    n_steps: Tensor  # (), so far

    def __init__(
        self,
        n_features: int,
        n_components: int,
        hidden_layer_sizes: Sequence[int] = (256, 128),
        activation: str = "silu",
        init: str = "random",
        beta: float = 1.0,
        variance: float | str | None = "auto",
        n_annealing_steps: int = 200,
    ) -> None:
        if init != "random":
            raise ValueError(
                "module=Variational needs init='random', as a correction of PCA has no "
                "codes of its own to draw."
            )
        is_known = variance is None or variance == "auto"
        if not (is_known or (isinstance(variance, float | int) and variance > 0)):
            raise ValueError(
                f"variance={variance!r} has to be 'auto', a number above 0 or None."
            )
        if not (isinstance(beta, float | int) and beta >= 0):
            raise ValueError(f"beta={beta!r} has to be at least 0.")
        sizes = (n_features, *hidden_layer_sizes)
        inward, outward = (*sizes, 2 * n_components), (n_components, *sizes[::-1])
        super().__init__(
            Perceptron(sizes=inward, activation=activation),
            Perceptron(sizes=outward, activation=activation),
        )
        self.n_features = n_features
        self.beta = beta
        self.variance: Any = variance
        self.n_annealing_steps = n_annealing_steps
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                layer.reset_parameters()
        self.register_buffer("n_steps", torch.zeros((), dtype=torch.float32))
        self._posterior: tuple[Tensor, Tensor] | None = None
        self._parts: list[Tensor] = []  # of the steps since the last record

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what is between two calls of a step, which has gradients."""
        return {**self.__dict__, "_posterior": None}

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map rows to the distributions of their codes.

        Parameters
        ----------
        x : torch.Tensor of shape (batch, n_features)
            Rows.

        Returns
        -------
        mean, log_variance : torch.Tensor of shape (batch, n_components)
            Of normal distributions.
        """
        mean, log_variance = self.encoder(x).chunk(2, dim=1)
        return mean, log_variance

    def encode(self, x: Tensor) -> Tensor:
        """Map rows to the means of their codes or, in training mode, to codes drawn.

        Parameters
        ----------
        x : torch.Tensor of shape (batch, n_features)
            Rows.

        Returns
        -------
        code : torch.Tensor of shape (batch, n_components)
            Codes.
        """
        mean, log_variance = self.posterior(x)
        if not self.training:
            return mean
        self._posterior = mean, log_variance
        return mean + (log_variance / 2).exp() * torch.randn_like(mean)

    def penalty(self, loss: Tensor) -> Tensor:
        """Return the divergence of the rows encoded last, as a penalty.

        Parameters
        ----------
        loss : torch.Tensor of shape ()
            Mean loss of their reconstructions.

        Returns
        -------
        penalty : torch.Tensor of shape (batch,)
            Divergence of each row, in units of the loss.
        """
        assert self._posterior is not None
        mean, log_variance = self._posterior
        # Of normal distributions from N(0, 1), in nats.
        parts = (mean.square() + log_variance.exp() - 1 - log_variance) / 2
        divergence = parts.sum(dim=1)
        self._posterior = None
        unit, likelihood = torch.ones_like(loss), -loss
        if self.variance is not None:
            left = (loss / self.n_features).clamp(min=torch.finfo(loss.dtype).tiny)
            variance = (
                left if self.variance == "auto" else left.new_tensor(self.variance)
            )
            unit = 2 * variance
            surprise = (2 * math.pi * variance).log() + left / variance
            likelihood = -self.n_features / 2 * surprise
        bound = likelihood - divergence.mean()
        self._parts.append(torch.stack((bound, likelihood, divergence.mean())).detach())
        self.n_steps += 1
        risen = (self.n_steps / max(self.n_annealing_steps, 1)).clamp(max=1)
        return self.beta * risen * unit * divergence

    def epoch_record(self) -> dict[str, float]:
        """Return what the history is to have of an epoch.

        Returns
        -------
        record : dict of float
            "elbo", the evidence lower bound, and its parts, the log-likelihood
            ("reconstruction") less the "divergence": means over rows, in nats.
        """
        means = torch.stack(self._parts).mean(dim=0).tolist()
        self._parts = []
        return dict(zip(("elbo", "reconstruction", "divergence"), means, strict=True))
