"""Digits and MNIST as they ship in packages: real, split without overlap, refused when they are other files."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from sklearn.datasets import load_digits

from lib.data import digits, mnist_5k
from lib.data.pictures import packaged_rows
from lib.harness.errors import UserError


@pytest.mark.parametrize(("module", "sizes"), [(digits, [1_000, 297, 500]), (mnist_5k, [3_500, 500, 1_000])])
def test_the_splits_are_the_whole_file_and_share_nothing(module: ModuleType, sizes: list[int]) -> None:
    splits = [module.train(), module.validation(), module.test()]
    assert [len(split) for split in splits] == sizes
    for split in splits:
        assert split.images.dtype == np.uint8
        assert set(split.labels) == set(range(10))
        assert split.scaled().dtype == np.float32
        assert (split.scaled().min(), split.scaled().max()) == (0, 1)
    pictures = [{image.tobytes() for image in split.images} for split in splits]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert not pictures[one] & pictures[other]


def test_the_digits_are_scikit_learns() -> None:
    theirs = load_digits()
    wanted = sorted(
        (row.astype(np.uint8).tobytes(), int(label)) for row, label in zip(theirs.data, theirs.target, strict=True)
    )
    splits = [digits.train(), digits.validation(), digits.test()]
    found = sorted((i.tobytes(), int(label)) for s in splits for i, label in zip(s.images, s.labels, strict=True))
    assert found == wanted


def test_mnist_has_500_of_each_digit() -> None:
    labels = np.concatenate([split.labels for split in (mnist_5k.train(), mnist_5k.validation(), mnist_5k.test())])
    assert np.bincount(labels).tolist() == [500] * 10


def test_another_file_or_package_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "fakeset"
    package.mkdir()
    (package / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    sha256 = digits.SHA256["digits.csv.gz"]
    with pytest.raises(UserError, match=r"Digits: .*rows\.gz cannot be read.*invoke build"):
        packaged_rows("Digits", "fakeset", "rows.gz", sha256)
    import sklearn

    shutil.copy(Path(sklearn.__file__).parent / "datasets" / "data" / "digits.csv.gz", package / "rows.gz")
    whole = (package / "rows.gz").read_bytes()
    assert len(packaged_rows("Digits", "fakeset", "rows.gz", sha256)) == 1_797
    (package / "rows.gz").write_bytes(whole[:-1])
    with pytest.raises(UserError, match=r"rows\.gz.*wrong SHA-256"):
        packaged_rows("Digits", "fakeset", "rows.gz", sha256)
    with pytest.raises(UserError, match=r"package no_such_set.*missing"):
        packaged_rows("Digits", "no_such_set", "rows.gz", sha256)
