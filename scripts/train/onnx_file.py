"""What an ONNX file tells about its model by itself, and its scores by onnxruntime."""

import json
from typing import NamedTuple

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

OUTPUT = "probabilities"
FLOATS = {TensorProto.FLOAT: np.float32, TensorProto.DOUBLE: np.float64}


class Input(NamedTuple):
    name: str
    dtype: np.dtype
    # None for an axis that the file leaves open.
    dims: list[int | None]
    # Whether the scores depend on it. If not it has its share of the features all the same.
    needed: bool

    @property
    def width(self):
        """How many features it takes, None where the file leaves it open."""
        return self.dims[1] if len(self.dims) == 2 else 1

    def placeholder(self, rows, width):
        """Something to feed it where it is not needed."""
        open_dims = (rows, width)
        shape = [open_dims[at] if dim is None else dim for at, dim in enumerate(self.dims)]
        return np.full(shape, "" if self.dtype == object else 0, self.dtype)


class OnnxFile:
    """Raises ValueError where the file cannot be a model of this service."""

    def __init__(self, path):
        try:
            self.proto = onnx.load(path)
        except OSError as error:
            raise ValueError(f"cannot read {path}: {error.strerror}") from None
        except Exception as error:
            raise ValueError(f"{path} is not an ONNX file: {error}") from None
        self.output = scored_output(self.proto.graph)
        self.inputs = inputs_of(self.proto.graph, self.output)
        self.labels = labels_of(self.proto.graph)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 4
        try:
            self.session = onnxruntime.InferenceSession(self.proto.SerializeToString(), options)
        except Exception as error:
            raise ValueError(f"onnxruntime does not load {path}: {error}") from None

    def width(self):
        """How many features there are, or None where the file leaves it open."""
        widths = [one.width for one in self.inputs]
        return None if None in widths else sum(widths)

    def feature_names(self):
        """The names of the features where the file has some, else None."""
        properties = {one.key: one.value for one in self.proto.metadata_props}
        names = properties.get("feature_names")
        if names:
            return json.loads(names) if names.startswith("[") else names.split(",")
        if all(one.width == 1 for one in self.inputs):
            return [one.name for one in self.inputs]
        return None

    def scores(self, matrix):
        """[rows, features] in, [rows, labels] or [rows, 1] out, as floats or doubles."""
        feeds, at = {}, 0
        known = sum(one.width or 0 for one in self.inputs)
        for one in self.inputs:
            # One input may leave its width open: it takes what the others leave.
            width = matrix.shape[1] - known if one.width is None else one.width
            if one.needed:
                feeds[one.name] = matrix[:, at : at + width].astype(one.dtype)
            else:
                feeds[one.name] = one.placeholder(len(matrix), width)
            at += width
        if at != matrix.shape[1]:
            raise ValueError(f"the graph takes {at} features, not {matrix.shape[1]}")
        (scores,) = self.session.run([self.output], feeds)
        if isinstance(scores, list):
            # ZipMap: a map for each row, of floats, in the order of the labels.
            scores = np.array([list(row.values()) for row in scores], dtype=np.float32)
        scores = scores.reshape(len(matrix), -1)
        check_probabilities(scores)
        return scores


def check_probabilities(scores):
    if not np.isfinite(scores).all() or scores.min() < 0 or scores.max() > 1:
        raise ValueError(
            f"the scores run from {scores.min():g} to {scores.max():g}; they must be probabilities"
        )


def inputs_of(graph, output):
    """The inputs that the file has no values for. What `output` does not need may be of any type."""
    given = {tensor.name for tensor in graph.initializer}
    needed = needed_for(graph, output)
    inputs = []
    for value in graph.input:
        if value.name in given:
            continue
        tensor = value.type.tensor_type
        dims = [
            dim.dim_value if dim.HasField("dim_value") and dim.dim_value > 0 else None
            for dim in tensor.shape.dim
        ]
        if value.name not in needed and len(dims) <= 2:
            dtype = np.dtype(helper.tensor_dtype_to_np_dtype(tensor.elem_type))
            inputs.append(Input(value.name, dtype, dims, False))
            continue
        if tensor.elem_type not in FLOATS:
            kind = TensorProto.DataType.Name(tensor.elem_type)
            raise ValueError(
                f"the input {value.name!r} is of type {kind}, which has no missing value: "
                "export the model with inputs of type float or double"
            )
        if len(dims) != 2:
            raise ValueError(f"the input {value.name!r} has {len(dims)} dimensions, not two")
        inputs.append(Input(value.name, np.dtype(FLOATS[tensor.elem_type]), dims, True))
    if sum(one.width is None for one in inputs) > 1:
        raise ValueError("several inputs do not say how many features they take")
    return inputs


def needed_for(graph, output):
    """The names of all that an output is computed from."""
    producers = {name: node for node in graph.node for name in node.output if name}
    needed, left = set(), [output]
    while left:
        name = left.pop()
        if name not in needed:
            needed.add(name)
            left += producers[name].input if name in producers else []
    return needed


def scored_output(graph):
    """The name of the output that holds the probabilities."""
    names = [output.name for output in graph.output]
    if OUTPUT in names:
        return OUTPUT
    scored = [
        output.name
        for output in graph.output
        if output.type.WhichOneof("value") != "tensor_type"
        or output.type.tensor_type.elem_type in FLOATS
    ]
    if len(scored) != 1:
        raise ValueError(f"which of the outputs {names} are the scores? call it {OUTPUT!r}")
    return scored[0]


def labels_of(graph):
    """The labels in the order of the scores, where the trees or a ZipMap name them, else None."""
    for node in reversed(graph.node):
        for attribute in node.attribute:
            if attribute.name.startswith("classlabels"):
                found = helper.get_attribute_value(attribute)
                return [name.decode() if isinstance(name, bytes) else str(name) for name in found]
    return None
