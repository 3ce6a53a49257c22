"""Encoders of series, and their decoders: recurrent, and with attention."""

from typing import Any

import torch
from torch import Tensor, nn

from sklearn_ae.networks.fully_connected import counts

CELLS = {"gru": nn.GRU, "lstm": nn.LSTM}


class Recurrent(nn.Module):
    """Recurrent encoder of series, and a recurrent decoder (sequence to sequence).

    The last state of the encoder leads to the codes; the decoder is given these at
    each step (Srivastava, N., Mansimov, E., & Salakhutdinov, R. (2015). "Unsupervised
    learning of video representations using LSTMs". ICML 2015). Use it as
    `module=Recurrent, module__n_channels=3`, mostly with `init="random"`.

    Parameters
    ----------
    n_features : int
        Number of values of a series.
    n_components : int
        Number of codes.
    n_channels : int, default=1
        Number of values at a step; the columns are series of shape
        (n_steps, n_channels) in C order.
    hidden_size : int, default=64
        Size of the states.
    num_layers : int, default=1
        Number of layers of cells, one upon the other.
    cell : {"gru", "lstm"}, default="gru"
        Kind of the cells.

    Raises
    ------
    TypeError, ValueError
        If a number is no integer of at least 1, `n_channels` does not divide
        `n_features`, or `cell` is unknown.
    """

    def __init__(
        self,
        n_features: int,
        n_components: int,
        n_channels: int = 1,
        hidden_size: int = 64,
        num_layers: int = 1,
        cell: str = "gru",
    ) -> None:
        super().__init__()
        n_channels, hidden_size, num_layers = counts(
            n_channels=n_channels, hidden_size=hidden_size, num_layers=num_layers
        )
        if cell not in CELLS:
            raise ValueError(f"cell={cell!r} has to be one of {sorted(CELLS)}.")
        self.n_steps = _n_steps(n_features, n_channels)
        build: Any = CELLS[cell]
        self.reader = build(n_channels, hidden_size, num_layers, batch_first=True)
        self.to_code = nn.Linear(hidden_size, n_components)
        self.from_code = nn.Linear(n_components, hidden_size)
        self.positions = nn.Parameter(torch.randn(self.n_steps, hidden_size) * 0.1)
        self.writer = build(hidden_size, hidden_size, num_layers, batch_first=True)
        self.to_values = nn.Linear(hidden_size, n_channels)

    def encode(self, x: Tensor) -> Tensor:
        """Map series to codes.

        Parameters
        ----------
        x : torch.Tensor of shape (batch, n_features)
            Series as rows.

        Returns
        -------
        code : torch.Tensor of shape (batch, n_components)
            Codes.
        """
        self.reader.flatten_parameters()  # which averages of weights undo on a GPU
        states, _ = self.reader(x.unflatten(1, (self.n_steps, -1)))
        code: Tensor = self.to_code(states.mean(dim=1))
        return code

    def decode(self, code: Tensor) -> Tensor:
        """Map codes to series.

        Parameters
        ----------
        code : torch.Tensor of shape (batch, n_components)
            Codes.

        Returns
        -------
        reconstruction : torch.Tensor of shape (batch, n_features)
            Series as rows.
        """
        self.writer.flatten_parameters()
        states, _ = self.writer(self.from_code(code)[:, None] + self.positions)
        values: Tensor = self.to_values(states)
        return values.flatten(1)


class Transformer(nn.Module):
    """Transformer encoder of series, and a decoder of the same kind.

    Patches of steps are tokens, to which learned positions are added (Vaswani, A., et
    al. (2017). "Attention is all you need". NeurIPS 2017; Nie, Y., et al. (2023). "A
    time series is worth 64 words". ICLR 2023). The mean token leads to the codes. Use
    it as `module=Transformer, module__patch_size=8`, mostly with `init="random"`.

    Parameters
    ----------
    n_features : int
        Number of values of a series.
    n_components : int
        Number of codes.
    n_channels : int, default=1
        Number of values at a step; the columns are series of shape
        (n_steps, n_channels) in C order.
    patch_size : int, default=8
        Number of steps of a token; the last patch is filled up with zeros.
    d_model : int, default=64
        Size of the tokens.
    nhead : int, default=4
        Number of heads; it divides `d_model`.
    num_layers : int, default=2
        Number of layers of encoder and decoder.

    Raises
    ------
    TypeError, ValueError
        If a number is no integer of at least 1, `n_channels` does not divide
        `n_features`, or `nhead` `d_model`.
    """

    def __init__(
        self,
        n_features: int,
        n_components: int,
        n_channels: int = 1,
        patch_size: int = 8,
        d_model: int = 64,
        nhead: int = 4,
        num_layers: int = 2,
    ) -> None:
        super().__init__()
        d_model, nhead = counts(d_model=d_model, nhead=nhead)
        n_channels, patch_size, num_layers = counts(
            n_channels=n_channels, patch_size=patch_size, num_layers=num_layers
        )
        if d_model % nhead:
            raise ValueError(f"nhead={nhead} does not divide d_model={d_model}.")
        n_steps = _n_steps(n_features, n_channels)
        self.n_features = n_features
        self.width = patch_size * n_channels
        self.n_tokens = -(-n_steps // patch_size)
        self.to_token = nn.Linear(self.width, d_model)
        self.positions = nn.Parameter(torch.randn(2, self.n_tokens, d_model) * 0.1)
        self.reader = _layers(d_model, nhead, num_layers)
        self.to_code = nn.Linear(d_model, n_components)
        self.from_code = nn.Linear(n_components, d_model)
        self.writer = _layers(d_model, nhead, num_layers)
        self.to_values = nn.Linear(d_model, self.width)

    def encode(self, x: Tensor) -> Tensor:
        """Map series to codes.

        Parameters
        ----------
        x : torch.Tensor of shape (batch, n_features)
            Series as rows.

        Returns
        -------
        code : torch.Tensor of shape (batch, n_components)
            Codes.
        """
        missing = self.n_tokens * self.width - self.n_features
        patches = nn.functional.pad(x, (0, missing)).unflatten(1, (self.n_tokens, -1))
        tokens = self.reader(self.to_token(patches) + self.positions[0])
        code: Tensor = self.to_code(tokens.mean(dim=1))
        return code

    def decode(self, code: Tensor) -> Tensor:
        """Map codes to series.

        Parameters
        ----------
        code : torch.Tensor of shape (batch, n_components)
            Codes.

        Returns
        -------
        reconstruction : torch.Tensor of shape (batch, n_features)
            Series as rows.
        """
        tokens = self.writer(self.from_code(code)[:, None] + self.positions[1])
        values: Tensor = self.to_values(tokens)
        return values.flatten(1)[:, : self.n_features]


def _layers(d_model: int, nhead: int, num_layers: int) -> nn.Module:
    layer = nn.TransformerEncoderLayer(
        d_model,
        nhead,
        dim_feedforward=2 * d_model,
        dropout=0.0,
        activation="gelu",
        batch_first=True,
        norm_first=True,
    )
    return nn.TransformerEncoder(layer, num_layers, enable_nested_tensor=False)


def _n_steps(n_features: int, n_channels: int) -> int:
    """Return the number of steps of a series."""
    if n_features % n_channels:
        raise ValueError(
            f"n_channels={n_channels} does not divide the {n_features} values of a "
            "series."
        )
    return n_features // n_channels
