"""The real files: shapes, splits and their checks."""

from pathlib import Path

import numpy as np
import pytest

from lib.data import fashion_mnist, files
from lib.harness.errors import UserError


def test_shapes_and_splits() -> None:
    train, validation, test = fashion_mnist.train(), fashion_mnist.validation(), fashion_mnist.test()
    assert [len(split) for split in (train, validation, test)] == [55_000, 5_000, 10_000]
    assert train.images.shape == (55_000, 28, 28)
    assert train.images.dtype == np.uint8
    together = np.bincount(np.concatenate([train.labels, validation.labels]), minlength=10)
    assert together.tolist() == [6_000] * 10
    assert np.bincount(test.labels).tolist() == [1_000] * 10


def test_training_and_validation_are_the_file_and_share_nothing() -> None:
    whole = np.concatenate([fashion_mnist.train().images, fashion_mnist.validation().images])
    assert whole.shape == (60_000, 28, 28)
    train = {image.tobytes() for image in fashion_mnist.train().images}
    seen = sum(image.tobytes() in train for image in fashion_mnist.validation().images)
    assert seen <= 5  # the data set has a few pictures twice


def test_first_picture_is_an_ankle_boot_and_scaling_is_exact() -> None:
    first = fashion_mnist.train().first(1)
    assert fashion_mnist.CLASSES[first.labels[0]] == "ankle boot"
    scaled = first.scaled()
    assert scaled.dtype == np.float32
    assert (scaled.min(), scaled.max()) == (0.0, 1.0)
    assert np.array_equal(np.rint(scaled * 255), first.images)


def test_arrays_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="read-only"):
        fashion_mnist.test().images[0, 0, 0] = 1


def test_a_changed_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "fashion-mnist"
    folder.mkdir()
    for name in fashion_mnist.SHA256:
        (folder / name).write_bytes((files.folder("fashion-mnist") / name).read_bytes())
    labels = folder / "t10k-labels-idx1-ubyte.gz"
    data = bytearray(labels.read_bytes())
    data[100] ^= 1
    labels.write_bytes(data)
    monkeypatch.setenv("LAB_DATA", str(tmp_path))
    assert len(fashion_mnist.train()) == 55_000  # the other files are as they should be
    with pytest.raises(UserError, match=r"t10k-labels.*wrong SHA-256.*invoke build"):
        fashion_mnist.test()


def test_a_missing_folder_is_one_line_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_DATA", str(tmp_path))
    with pytest.raises(UserError, match=r"cannot be read.*docker/fetch-data") as caught:
        fashion_mnist.train()
    assert "\n" not in str(caught.value)
