"""How estimators enter the graphs of skl2onnx."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from skl2onnx import _parse, update_registered_converter
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

from sklearn_ae._onnx.graph import DTYPES, Graph, Symbol

# Versions of the operators that are known here. Before the first, axes were attributes.
OLDEST, NEWEST = 18, 22


class Input(NamedTuple):
    """Columns that come together."""

    symbol: Symbol
    width: int


Inputs = Sequence[Input]
Write = Callable[[Graph, Any, Inputs], Mapping[str, Symbol]]
Width = Callable[[Any], int]


def _n_outputs(model: Any) -> int:
    return len(model.get_feature_names_out())


MATRIX: Mapping[str, Width] = {"variable": _n_outputs}


def register(cls: type, write: Write, widths: Mapping[str, Width] = MATRIX) -> None:
    """Let skl2onnx convert instances of a class.

    Parameters
    ----------
    cls : type
        An estimator.
    write : callable
        Adds the nodes of a fitted instance to a graph, and returns all outputs.
    widths : dict of callables
        Names of the outputs, with their numbers of columns. The first is always there,
        the others where an option of this name is True. The default is the matrix that
        `transform` returns.
    """
    alias = f"SklearnAe{cls.__name__}"
    main, *optional = widths

    def parse(scope: Any, model: Any, inputs: Any, custom_parsers: Any = None) -> Any:
        options = scope.get_options(model, dict.fromkeys(optional, False))
        operator = scope.declare_local_operator(alias, model)
        operator.inputs.extend(inputs)
        kind = _kind(inputs)
        for name in (main, *(name for name in optional if options[name])):
            operator.outputs.append(scope.declare_local_variable(name, kind()))
        return operator.outputs

    def set_shapes(operator: Any) -> None:
        kind = _kind(operator.inputs)
        for output in operator.outputs:
            output.type = kind([None, widths[output.raw_name](operator.raw_operator)])

    def convert(scope: Any, operator: Any, container: Any) -> None:
        check_opset(container.target_opset)
        _check_last(operator, optional)
        dtype = torch.float64 if _kind(operator.inputs) is DoubleTensorType else None
        unique = scope.get_unique_variable_name
        graph = Graph(dtype or torch.float32, container.target_opset_all, unique)
        model = operator.raw_operator
        found = write(graph, model, _inputs(graph, operator.inputs, model))
        for output in operator.outputs:
            graph.rename(found[output.raw_name], output.full_name)
        names = [output.full_name for output in operator.outputs]
        nodes, constants = graph.finished(names)
        container.nodes.extend(nodes)
        container.initializers.extend(constants)
        container.node_domain_version_pair_sets.update(graph.versions)

    options = {name: [True, False] for name in optional}
    update_registered_converter(
        cls, alias, set_shapes, convert, parser=parse, options=options
    )


def keep_columns_apart(*classes: type) -> None:
    """Have column transformers hand over columns as they are, numbers beside text."""
    _parse.do_not_merge_columns += classes


def _kind(inputs: Sequence[Any]) -> Any:
    """Return the type of outputs: double where an input is, as converters agree."""
    are_double = any(isinstance(one.type, DoubleTensorType) for one in inputs)
    return DoubleTensorType if are_double else FloatTensorType


def check_opset(opset: int) -> None:
    """Raise unless graphs can be written in this version of the operators."""
    if not OLDEST <= opset <= NEWEST:
        raise NotImplementedError(
            f"target_opset={opset} is not supported by sklearn_ae.onnx, but "
            f"{OLDEST} to {NEWEST} are."
        )


def _check_last(operator: Any, optional: Sequence[str]) -> None:
    """Raise if another step is given more than the first output."""
    for output in operator.outputs:
        if output.raw_name in optional and output.operators_inputs_:
            raise NotImplementedError(
                f"The option {output.raw_name!r} of {_name(operator.raw_operator)} "
                "adds an output, which the last step of a pipeline alone can have."
            )


def _inputs(graph: Graph, variables: Sequence[Any], model: Any) -> Inputs:
    """Return the inputs, whose columns have to be those of the estimator."""
    found = []
    for variable in variables:
        tensor = variable.type.to_onnx_type().tensor_type
        symbol = graph.symbol(variable.full_name, DTYPES[tensor.elem_type])
        shape = variable.type.shape
        known = shape[1] if len(shape) > 1 else None
        width = model.n_features_in_ if len(variables) == 1 else 1
        found.append(Input(symbol, known or width))
    width = sum(one.width for one in found)
    if width != model.n_features_in_:
        raise ValueError(
            f"{_name(model)} was fitted to {model.n_features_in_} columns, but "
            f"the inputs of the graph have {width}. Give initial_types that say so."
        )
    return found


def _name(model: Any) -> str:
    return type(model).__name__


def as_rows(graph: Graph, inputs: Inputs) -> Symbol:
    """Return the columns of all inputs as rows of numbers."""
    parts = []
    for symbol, _ in inputs:
        if symbol.dtype is str:
            raise TypeError(
                "An input of the graph is text, where numbers are needed. Encode it in "
                "a step before, for instance with TableEncoder."
            )
        parts.append(symbol.cast(graph.dtype))
    return parts[0] if len(parts) == 1 else graph.add("Concat", *parts, axis=1)
