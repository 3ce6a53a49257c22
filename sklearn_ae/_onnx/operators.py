"""How estimators enter the graphs of skl2onnx."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from onnx import TensorProto
from skl2onnx import _parse, update_registered_converter
from skl2onnx.common.data_types import (
    DoubleTensorType,
    Float16TensorType,
    FloatTensorType,
)
from sklearn.utils.validation import check_is_fitted

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
Columns = Callable[[Any, Sequence[Any]], Mapping[str, Any]]


MATRIX: Mapping[str, Width] = {
    "variable": lambda model: len(model.get_feature_names_out())
}


def register(
    cls: type,
    write: Write,
    widths: Mapping[str, Width] = MATRIX,
    exact: Collection[str] = (),
    columns: Columns = lambda model, kinds: {},
) -> None:
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
    exact : collection of str
        Names of outputs that are float64 whatever the inputs are.
    columns : callable
        Returns the types of outputs that are columns, by their names, for an instance
        and the types of its inputs. If there are any, they replace the matrix.
    """
    alias = f"SklearnAe{cls.__name__}"
    main, *optional = widths

    def parse(scope: Any, model: Any, inputs: Any, custom_parsers: Any = None) -> Any:
        check_is_fitted(model)
        options = scope.get_options(model, dict.fromkeys(optional, False))
        operator = scope.declare_local_operator(alias, model)
        operator.inputs.extend(inputs)
        found = columns(model, [type(one.type) for one in inputs])
        if not found:
            usual, names = _kind(inputs), (main, *(n for n in optional if options[n]))
            found = {n: DoubleTensorType if n in exact else usual for n in names}
        for name, kind in found.items():
            shape = [None, widths[name](model) if name in widths else 1]
            operator.outputs.append(scope.declare_local_variable(name, kind(shape)))
        return operator.outputs

    def convert(scope: Any, operator: Any, container: Any) -> None:
        check_opset(container.target_opset)
        _check_last(operator, optional)
        is_double = _kind(operator.inputs) is DoubleTensorType
        dtype = torch.float64 if is_double else torch.float32
        unique = scope.get_unique_variable_name
        graph = Graph(dtype, container.target_opset_all, unique)
        model = operator.raw_operator
        found = write(graph, model, _inputs(graph, operator.inputs, model))
        for output in operator.outputs:
            graph.rename(found[output.raw_name], output.full_name)
        names = [output.full_name for output in operator.outputs]
        nodes, constants = graph.finished(names)
        container.nodes.extend(nodes)
        container.initializers.extend(constants)
        container.node_domain_version_pair_sets.update(graph.versions)
        _let_inputs_be_left_out(container)

    options = {name: [True, False] for name in optional}
    update_registered_converter(
        cls, alias, lambda operator: None, convert, parser=parse, options=options
    )


def keep_columns_apart(*classes: type) -> None:
    """Have column transformers hand over columns as they are, numbers beside text."""
    known = getattr(_parse, "do_not_merge_columns", ())  # a private name
    _parse.do_not_merge_columns = tuple({*known, *classes})


def _kind(inputs: Sequence[Any]) -> Any:
    """Return the type of outputs: float where an input is, and none is double.

    Integers and text become float64, as in `transform`.
    """
    kinds = [type(one.type) for one in inputs]
    is_single = FloatTensorType in kinds or Float16TensorType in kinds
    if is_single and DoubleTensorType not in kinds:
        return FloatTensorType
    return DoubleTensorType


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
        dtype = DTYPES.get(tensor.elem_type)
        if dtype is None:
            kind = type(variable.type).__name__
            raise TypeError(f"An input of the graph is a {kind}, which holds no table.")
        symbol = graph.symbol(variable.full_name, dtype)
        shape = variable.type.shape
        known = shape[1] if len(shape) > 1 else None
        width = model.n_features_in_ if len(variables) == 1 else 1
        found.append(Input(symbol, known or width))
    _check_order([variable.raw_name for variable in variables], model)
    width = sum(one.width for one in found)
    if width != model.n_features_in_:
        raise ValueError(
            f"{_name(model)} was fitted to {model.n_features_in_} columns, but "
            f"the inputs of the graph have {width}. Give initial_types that say so."
        )
    return found


def _let_inputs_be_left_out(container: Any) -> None:
    """Have skl2onnx sort nodes some of whose inputs have no name, as is allowed."""
    sort = type(container).ensure_topological_order

    def sort_all() -> None:
        nothing = TensorProto()  # has no name either
        container.initializers.append(nothing)
        sort(container)
        container.initializers.remove(nothing)

    container.ensure_topological_order = sort_all


def _check_order(given: Sequence[str], model: Any) -> None:
    """Raise if inputs are named as other columns than those in their places."""
    names = list(getattr(model, "feature_names_in_", ()))
    if len(given) != len(names):
        return
    for i, (one, name) in enumerate(zip(given, names, strict=True)):
        if one != name and one in names:
            raise ValueError(
                f"Input {i} of the graph is {one!r}, but {_name(model)} was fitted to "
                f"{name!r} there. Order the columns as in the fit."
            )


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
