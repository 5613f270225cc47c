"""TensorFlow Hub imports and loads a SavedModel.

In a process without PyTorch, as in every lab: Triton, which PyTorch for CUDA loads, does not survive TensorFlow there.
"""

import sys
import tempfile
import warnings

import tensorflow as tf

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "pkg_resources is deprecated")  # why the lock holds setuptools back
    import tensorflow_hub


class Doubling(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None])])
    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        return 2 * x


with tempfile.TemporaryDirectory() as folder:
    tf.saved_model.save(Doubling(), folder)
    assert tensorflow_hub.load(folder)(tf.constant([1.0, 2.0])).numpy().tolist() == [2.0, 4.0]
assert hasattr(tensorflow_hub, "KerasLayer")
assert "torch" not in sys.modules
