"""ONNX graphs that are recorded while torch modules are called with symbols."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from onnx import (
    AttributeProto,
    GraphProto,
    ModelProto,
    NodeProto,
    TensorProto,
    compose,
    helper,
    inliner,
    numpy_helper,
)
from torch import Tensor
from torch.nn import functional

from sklearn_ae._onnx.fusion import fused, read_by

TYPES = {
    torch.float16: TensorProto.FLOAT16,
    torch.float32: TensorProto.FLOAT,
    torch.float64: TensorProto.DOUBLE,
    torch.int8: TensorProto.INT8,
    torch.int16: TensorProto.INT16,
    torch.int32: TensorProto.INT32,
    torch.int64: TensorProto.INT64,
    torch.uint8: TensorProto.UINT8,
    torch.uint16: TensorProto.UINT16,
    torch.uint32: TensorProto.UINT32,
    torch.uint64: TensorProto.UINT64,
    torch.bool: TensorProto.BOOL,
    str: TensorProto.STRING,
}
DTYPES = {kind: dtype for dtype, kind in TYPES.items()}


class Graph:
    """Nodes and constants of an ONNX graph, in one floating dtype.

    Parameters
    ----------
    dtype : torch.dtype
        float32 or float64: what numbers of constants become.
    target : int or dict
        Version of the operators, from 18 on, as skl2onnx has `target_opset`.
    unique : callable
        Returns a name that nothing else has.
    """

    def __init__(
        self,
        dtype: torch.dtype,
        target: int | dict[str, int],
        unique: Callable[[str], str],
    ) -> None:
        self.dtype = dtype
        self.target = target
        self.opset = target[""] if isinstance(target, dict) else target
        self.unique = unique
        self.nodes: list[NodeProto] = []
        self.constants: dict[tuple[Any, ...], TensorProto] = {}
        self.included: set[str] = set()  # what nodes of other models compute
        self.versions = {("", self.opset)}  # of the operators, by their domains

    @property
    def library(self) -> type:
        """NumPy's class of the numbers."""
        return np.float32 if self.dtype == torch.float32 else np.float64

    def symbol(self, name: str, dtype: Any = None) -> Symbol:
        """Return what is known by a name already, such as an input."""
        return Symbol(self, name, self.dtype if dtype is None else dtype)

    def constant(self, value: Any) -> Symbol:
        """Return a constant: numbers in the graph's dtype, integers and text as is."""
        if isinstance(value, Tensor):
            value = value.detach().numpy()
        array = np.asarray(value)
        if array.dtype.kind == "f" or isinstance(value, float | int):
            array = array.astype(self.library)
        known = (array.shape, array.dtype.str, array.tobytes())
        if known not in self.constants:
            name = self.unique("constant")
            plain = array.astype(object) if array.dtype.kind == "U" else array
            tensor = numpy_helper.from_array(np.ascontiguousarray(plain), name)
            tensor.dims[:] = array.shape  # a scalar has none
            self.constants[known] = tensor
        kinds = {"f": self.dtype, "i": torch.int64, "b": torch.bool, "U": str}
        return Symbol(self, self.constants[known].name, kinds.get(array.dtype.kind))

    def shape(self, *sizes: int) -> Symbol:
        """Return integers, such as axes."""
        return self.constant(np.array(sizes, dtype=np.int64))

    def add(
        self, kind: str, *inputs: Any, dtype: torch.dtype | None = None, **given: Any
    ) -> Symbol:
        """Add a node of one output; `dtype` is that of its first input by default."""
        (found,) = self.add_many(kind, inputs, 1, **given)
        if dtype is None:
            known = (one.dtype for one in inputs if isinstance(one, Symbol))
            dtype = next(known, self.dtype)
        found.dtype = dtype
        return found

    def where(self, condition: Any, one: Any, other: Any) -> Symbol:
        """Return numbers of one where a condition holds, else of another."""
        return self.add("Where", condition, one, other, dtype=self.dtype)

    def add_many(
        self, kind: str, inputs: Iterable[Any], n_outputs: int, **given: Any
    ) -> list[Symbol]:
        """Add a node; inputs that are no symbols become constants."""
        symbols = (x if isinstance(x, Symbol) else self.constant(x) for x in inputs)
        names = [symbol.name for symbol in symbols]
        outputs = [self.unique(kind.lower()) for _ in range(n_outputs)]
        # Without a name of its own, which a node of another converter may have.
        self.nodes.append(helper.make_node(kind, names, outputs, **given))
        return [self.symbol(output) for output in outputs]

    def inner(self, dtype: torch.dtype | None = None) -> Graph:
        """Return an empty graph for the body of a node."""
        return Graph(self.dtype if dtype is None else dtype, self.target, self.unique)

    def beside(self, dtype: torch.dtype) -> Graph:
        """Return what adds nodes to the same graph, with constants of another dtype."""
        other = self.inner(dtype)
        other.nodes, other.constants = self.nodes, self.constants
        other.versions, other.included = self.versions, self.included
        return other

    def body(self, inputs: Sequence[Any], outputs: Sequence[Symbol]) -> GraphProto:
        """Return what a node such as If has as a body.

        Parameters
        ----------
        inputs : sequence of ValueInfoProto
        outputs : sequence of Symbol
        """
        shown = [
            helper.make_tensor_value_info(one.name, TYPES[one.dtype], None)
            for one in outputs
        ]
        tensors = list(self.constants.values())
        name = self.unique("body")
        return helper.make_graph(self.nodes, name, inputs, shown, tensors)

    def include(self, model: ModelProto, *inputs: Symbol) -> list[Symbol]:
        """Add all nodes of a model, which get names of their own."""
        model = inliner.inline_local_functions(model)
        prefix = self.unique("inner") + "_"
        graph = compose.add_prefix(model, prefix, inplace=True).graph
        for given, symbol in zip(graph.input, inputs, strict=True):
            _rename(graph.node, given.name, symbol.name)
        self.nodes.extend(graph.node)
        self.included |= {name for node in graph.node for name in node.output}
        self.constants |= {(one.name,): one for one in graph.initializer}
        self.versions |= {(one.domain, one.version) for one in model.opset_import}
        outputs = ((one.name, one.type.tensor_type.elem_type) for one in graph.output)
        return [Symbol(self, name, DTYPES[kind]) for name, kind in outputs]

    def rename(self, symbol: Symbol, name: str) -> None:
        """Give what is computed the name of an output."""
        if any(symbol.name in node.output for node in self.nodes):
            _rename(self.nodes, symbol.name, name)
            symbol.name = name
        else:
            node = helper.make_node("Identity", [symbol.name], [name])
            self.nodes.append(node)

    def finished(
        self, outputs: Sequence[str]
    ) -> tuple[list[NodeProto], list[TensorProto]]:
        """Return the nodes that outputs need, and their constants."""
        nodes = fused(self.nodes, outputs, self.included)
        needed = {name for node in nodes for name in read_by(node)}
        return nodes, [t for t in self.constants.values() if t.name in needed]

    def model(self, inputs: Sequence[Any], outputs: Sequence[Any]) -> ModelProto:
        """Return a model; its inputs and outputs are of ValueInfoProto."""
        nodes, tensors = self.finished([one.name for one in outputs])
        graph = helper.make_graph(nodes, "sklearn_ae", inputs, outputs, tensors)
        versions = [helper.make_opsetid(*one) for one in sorted(self.versions)]
        oldest = helper.find_min_ir_version_for(versions)
        return helper.make_model(graph, opset_imports=versions, ir_version=oldest)


def _rename(nodes: Iterable[NodeProto], before: str, after: str) -> None:
    """Rename a value wherever nodes and their bodies read or write it."""
    for node in nodes:
        for names in (node.input, node.output):
            names[:] = [after if name == before else name for name in names]
        for attribute in node.attribute:
            if attribute.type == AttributeProto.GRAPH:
                _rename(attribute.g.node, before, after)


class Symbol:
    """What a graph computes, with the operations of a tensor that modules need.

    torch hands its functions over to `__torch_function__`.

    Parameters
    ----------
    graph : Graph
    name : str
    dtype : torch.dtype
    """

    def __init__(self, graph: Graph, name: str, dtype: Any) -> None:
        self.graph = graph
        self.name = name
        self.dtype = dtype

    def _with(self, kind: str, *others: Any, **given: Any) -> Symbol:
        """Add a node to the graph; conditions count as 0 and 1 beside numbers."""
        number = self.numbers()
        named = [one.numbers() if isinstance(one, Symbol) else one for one in others]
        return self.graph.add(kind, number, *named, **given)

    def numbers(self) -> Symbol:
        """Return conditions as 0 and 1, and numbers as they are."""
        return self if self.dtype != torch.bool else self.cast(self.graph.dtype)

    def on(self, graph: Graph) -> Symbol:
        """Return the same for `beside`, or a body, which sees what is around it."""
        return Symbol(graph, self.name, self.dtype)

    def cast(self, dtype: torch.dtype) -> Symbol:
        """Return the same in another dtype."""
        if dtype == self.dtype:
            return self
        return self.graph.add("Cast", self, dtype=dtype, to=TYPES[dtype])

    def __add__(self, other: Any) -> Symbol:
        return self._with("Add", other)

    def __sub__(self, other: Any) -> Symbol:
        return self._with("Sub", other)

    def __rsub__(self, other: Any) -> Symbol:
        return self.graph.constant(other) - self

    def __mul__(self, other: Any) -> Symbol:
        if isinstance(other, Symbol) and other.dtype == torch.bool:
            return self.graph.where(other, self, 0.0)
        return self._with("Mul", other)

    def __truediv__(self, other: Any) -> Symbol:
        return self._with("Div", other)

    def __matmul__(self, other: Any) -> Symbol:
        return self._with("MatMul", other)

    __radd__, __rmul__ = __add__, __mul__

    def __abs__(self) -> Symbol:
        return self._with("Abs")

    def isnan(self) -> Symbol:
        """Tell which numbers are missing."""
        return self._with("IsNaN", dtype=torch.bool)

    def __lt__(self, other: Any) -> Symbol:
        return self._with("Less", other, dtype=torch.bool)

    def __gt__(self, other: Any) -> Symbol:
        return self._with("Greater", other, dtype=torch.bool)

    def __eq__(self, other: Any) -> Symbol:  # type: ignore[override]
        return self._with("Equal", other, dtype=torch.bool)

    __hash__ = None  # type: ignore[assignment]

    def clip(self, min: Any = None, max: Any = None) -> Symbol:
        """Cut off numbers below and above."""
        if isinstance(min, float | int) and isinstance(max, float | int):
            return self._with("Clip", min, max)
        found = self
        if min is not None:
            found = found._with("Max", min)
        return found if max is None else found._with("Min", max)

    clamp = clip

    def sigmoid(self) -> Symbol:
        """Return the logistic function."""
        if self.dtype == torch.float32:
            return self._with("Sigmoid")
        # The operator takes twice as long in float64, and onnxruntime fuses its product
        # with what it is of to one that onnxruntime-web has in float32 alone.
        return (self * 0.5).tanh() * 0.5 + 0.5

    def tanh(self) -> Symbol:
        """Return the hyperbolic tangent."""
        return self._with("Tanh")

    def logit(self) -> Symbol:
        """Return the inverse of the logistic function."""
        return (self / (1 - self))._with("Log")

    def sum(self, axis: int, keepdims: bool) -> Symbol:
        """Sum over an axis."""
        axes = self.graph.shape(axis)
        return self.graph.add("ReduceSum", self, axes, keepdims=int(keepdims))

    @classmethod
    def __torch_function__(
        cls, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Record one of torch's functions, for tensors that meet symbols."""
        record = cls.FUNCTIONS.get(function)
        if record is None:
            name = getattr(function, "__name__", function)
            raise NotImplementedError(f"Graphs have no operator for torch's {name}.")
        return record(*args, **(kwargs or {}))

    FUNCTIONS: ClassVar[dict[Any, Callable[..., Any]]] = {}


def _graph_of(values: Iterable[Any]) -> Graph:
    return next(value.graph for value in values if isinstance(value, Symbol))


def _linear(inputs: Symbol, weight: Tensor, bias: Tensor | None = None) -> Symbol:
    if bias is None:
        return inputs @ weight.T
    return _addmm(bias, inputs, weight.T)


def _addmm(offset: Any, inputs: Any, weight: Any) -> Symbol:
    return _graph_of((inputs, offset, weight)).add("Gemm", inputs, weight, offset)


Symbol.FUNCTIONS |= {
    functional.linear: _linear,
    functional.silu: lambda x, inplace=False: x * x.sigmoid(),
    functional.relu: lambda x, inplace=False: x._with("Relu"),
    torch.sigmoid: Symbol.sigmoid,
    torch.tanh: Symbol.tanh,
    torch.addmm: _addmm,
    torch.where: lambda *given: _graph_of(given).where(*given),
}
