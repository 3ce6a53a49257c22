"""Fewer nodes for the same numbers: each takes as long as a small product."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from onnx import AttributeProto, NodeProto, helper


def fused(
    nodes: Sequence[NodeProto], outputs: Sequence[str], kept: Collection[str] = ()
) -> list[NodeProto]:
    """Join a product and its sum, and a square and its sum; drop what is not used.

    Parameters
    ----------
    nodes : sequence of NodeProto
        In the order of their evaluation.
    outputs : sequence of str
        Names that have to stay.
    kept : collection of str
        Names that stay with the nodes that compute them, as these may be products of
        more than two axes.
    """
    makers = {name: node for node in nodes for name in node.output if name not in kept}
    counts = Counter(name for node in nodes for name in read_by(node))
    counts.update(outputs)
    joined = [
        node if node.output[0] in kept else _joined(node, makers, counts)
        for node in nodes
    ]
    found, needed = [], set(outputs)
    for node in reversed(joined):
        if needed.intersection(node.output):
            needed.update(read_by(node))
            found.append(node)
    return found[::-1]


def read_by(node: NodeProto) -> Iterator[str]:
    """Yield the names of what a node reads, in its bodies too."""
    yield from node.input
    for attribute in node.attribute:
        if attribute.type == AttributeProto.GRAPH:
            for inner in attribute.g.node:
                yield from read_by(inner)


def _joined(
    node: NodeProto, makers: dict[str, NodeProto], counts: Counter[str]
) -> NodeProto:
    """Return a node that does the work of one that it alone reads from, too."""
    for i, name in enumerate(node.input):
        before = makers.get(name)
        if before is None:
            continue
        kinds = before.op_type, node.op_type
        if kinds == ("MatMul", "Add") and counts[name] == 1:
            inputs = [*before.input, node.input[1 - i]]
            return helper.make_node("Gemm", inputs, node.output)
        is_square = kinds == ("Mul", "ReduceSum") and len(set(before.input)) == 1
        if is_square and i == 0:
            inputs = [before.input[0], *node.input[1:]]
            square = helper.make_node("ReduceSumSquare", inputs, node.output)
            square.attribute.extend(node.attribute)
            return square
    return node
