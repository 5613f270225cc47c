"""The files that say on what terms all of this is used name every data set and the version that is there."""

import re

from host.bootstrap.paths import ROOT
from lib.harness import __version__


def test_every_data_set_has_its_licence_in_the_notice() -> None:
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8").rpartition("=====\n")[2]
    named = re.findall(r"^(\w+) {2,}\S", notice, re.MULTILINE)
    files = (ROOT / "lib" / "data").glob("*.py")
    sets = {path.stem for path in files if re.search(r"^SHA256\b.*=", path.read_text(encoding="utf-8"), re.MULTILINE)}
    assert named == sorted(sets)


def test_the_citation_is_of_this_version() -> None:
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {__version__}\n" in citation
    assert "\nlicense: Apache-2.0\n" in citation
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").lstrip().startswith("Apache License")
