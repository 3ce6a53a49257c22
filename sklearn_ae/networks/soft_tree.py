"""Encoder and decoder that are soft decision trees."""

import torch
from torch import Tensor, nn

from sklearn_ae.networks.fully_connected import EncoderDecoder, counts


class SoftDecisionTree(nn.Module):
    """Sum of trees that send a row to both sides of each split, in shares.

    Irsoy, O., Yildiz, O. T., & Alpaydin, E. (2012). "Soft decision trees". ICPR 2012.

    Shapes: `(batch, n_in) -> (batch, n_out)`.
    """

    gain: Tensor

    def __init__(self, n_in: int, n_out: int, depth: int, n_trees: int) -> None:
        super().__init__()
        self.depth = depth
        self.n_trees = n_trees
        self.splits = nn.Linear(n_in, n_trees * (2**depth - 1))
        self.responses = nn.Linear(n_trees * 2**depth, n_out, bias=False)
        # A leaf has so small a share of the rows that it would learn slowly (classics
        # benchmark, soft trees). A buffer, so that files say which it was.
        gain = torch.tensor(2 ** (depth / 2), dtype=torch.float32)
        self.register_buffer("gain", gain)

    def leaves(self, x: Tensor) -> Tensor:
        """Return the share of rows in each leaf, of shape (batch, n_trees, 2**depth).

        The shares of a tree sum to 1.
        """
        # Half of a row, as splits that begin softly learn more.
        gates = self.splits(x / 2).sigmoid().unflatten(1, (self.n_trees, -1))
        shares = torch.ones_like(gates[:, :, :1])
        for level in range(self.depth):
            gate = gates[:, :, 2**level - 1 : 2 ** (level + 1) - 1]
            shares = torch.stack((shares * gate, shares * (1 - gate)), dim=-1)
            shares = shares.flatten(2)
        return shares

    def forward(self, x: Tensor) -> Tensor:
        """Return the responses of the leaves, in their shares."""
        responses: Tensor = self.responses(self.leaves(x).flatten(1)) * self.gain
        return responses

    def added(self) -> Tensor:
        """Return what each leaf adds, of shape (n_trees * 2**depth, n_out)."""
        return self.responses.weight.T * self.gain


class SoftTree(EncoderDecoder):
    """Soft decision trees from rows to codes, and from codes to rows.

    Irsoy, O., & Alpaydin, E. (2017). "Unsupervised feature extraction with autoencoder
    trees". Neurocomputing 258, 63-73. Use it as `module=SoftTree, module__depth=5`,
    mostly with `init="random"`.

    Parameters
    ----------
    n_features : int
        Number of columns.
    n_components : int
        Number of codes.
    depth : int, default=5
        Number of splits from the root of a tree to a leaf, at least 1.
    n_trees : int, default=4
        Number of trees on each side, whose responses are added.

    Attributes
    ----------
    encoder, decoder : torch.nn.Module
        Trees; `leaves` gives the shares of rows, or codes, in their leaves, and
        `added` what each leaf adds, of shape (n_trees * 2**depth, n_out).

    Raises
    ------
    TypeError, ValueError
        If `depth` or `n_trees` is no integer of at least 1.
    """

    def __init__(
        self, n_features: int, n_components: int, depth: int = 5, n_trees: int = 4
    ) -> None:
        depth, n_trees = counts(depth=depth, n_trees=n_trees)
        super().__init__(
            SoftDecisionTree(n_features, n_components, depth, n_trees),
            SoftDecisionTree(n_components, n_features, depth, n_trees),
        )
