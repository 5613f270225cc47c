"""Every operation of TensorFlow, one after the other: a compiled function runs eagerly while it is watched.

Loaded for trials in Keras alone. TensorFlow's debugger (tfdbg) sees operations by the same callback. An operation is
given a variable as a handle; here the variable's value stands for it, among the outputs of one that writes to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import keras
import tensorflow as tf
from tensorflow.python.framework import op_callbacks

from lib.harness.recording.operations import Operations, Value, of
from lib.harness.running.watching.parts import named

HANDLES = (tf.resource, tf.variant)
"""Types of tensors that have no bytes of their own."""
WRITES = "Assign"
"""In the names of operations that write to a variable, their first input."""


@contextmanager
def watched(operations: Operations) -> Iterator[None]:
    """For the block, write every operation of TensorFlow down, with the layer or the step that it belongs to."""
    callback = _Callback(operations)
    with ExitStack() as stack:
        stack.enter_context(named(keras.layers.Layer, "__call__", lambda layer: str(layer.name), operations))
        stack.enter_context(named(tf.GradientTape, "gradient", lambda _: "backward", operations))
        stack.enter_context(named(keras.optimizers.Optimizer, "apply", lambda rule: str(rule.name), operations))
        tf.config.run_functions_eagerly(True)
        stack.callback(tf.config.run_functions_eagerly, False)
        op_callbacks.add_op_callback(callback)
        stack.callback(op_callbacks.remove_op_callback, callback)
        yield


class _Callback:
    """Writes down each operation that runs; one that is only put into a graph does not run."""

    def __init__(self, operations: Operations):
        self._operations, self._inside = operations, False

    def __call__(
        self, kind: str | bytes, inputs: Sequence[Any], attributes: Any, outputs: Any, *_: Any, **more: Any
    ) -> None:
        """Take an operation from TensorFlow."""
        results = outputs if isinstance(outputs, (list, tuple)) else [outputs]
        if self._inside or not all(map(_has_value, (*inputs, *results))):
            return
        self._inside = True  # reading a variable is an operation as well
        try:
            name = tf.compat.as_str(kind)
            written = list(inputs[:1]) if WRITES in name else []
            given, made = [*map(_of, inputs[len(written) :])], [*map(_of, (*results, *written))]
            self._operations.add(name, given, made)
        finally:
            self._inside = False


def _has_value(tensor: Any) -> bool:
    """Return whether a tensor is one of eager execution."""
    return tf.is_tensor(tensor) and hasattr(tensor, "numpy")


def _of(tensor: Any) -> Value:
    """A tensor by the hash of its bytes; a variable, by its handle, by those of its present value."""
    if tensor.dtype not in HANDLES:
        return of(tensor.numpy())
    facts = getattr(tensor, "_handle_data", None)
    if tensor.dtype == tf.resource and facts is not None and len(facts.shape_and_type) == 1:
        with suppress(tf.errors.OpError):  # it has no value yet, or none any more
            dtype = facts.shape_and_type[0].dtype
            return {"name": "variable", **of(tf.raw_ops.ReadVariableOp(resource=tensor, dtype=dtype).numpy())}
    return {"dtype": tensor.dtype.name, "shape": list(tensor.shape)}
