"""The labs of the lecture, and the harness that runs, records and judges them.

Whoever imports it can import ``fearless_labs`` and the modules of other labs as well: those of the packages in
``labs/packages``, and those in the folders of the variable LAB_PATHS (as PATH; relative to the folder that ``lib`` is
in), which a command sets for its workers. They come after everything else on Python's path, so that none takes the
place of a module of Python's.
"""

import os
import sys
from pathlib import Path

for _folder in ("lib/public", "labs/packages", *filter(None, os.environ.get("LAB_PATHS", "").split(os.pathsep))):
    _path = str(Path(__file__).resolve().parents[1] / _folder)
    if _path not in sys.path:
        sys.path.append(_path)
