"""`./invoke site`: the pages, built with Sphinx in an environment of its own, without asking any server."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from host.bootstrap import environment, ledger, process, venv
from host.bootstrap.paths import REQUIREMENTS, ROOT, STATE, caller_path, state_path
from host.site import lessons, pages
from lib.harness.errors import UserError

MARK = ".fearless-labs-site"
"""The file by which a folder is known that may be replaced."""
CONFIGURATION = Path(__file__).parent
LIMIT = 600
"""Seconds that a language may take."""
INDEX = """\
<!doctype html>
<meta charset="utf-8">
<title>Fearless Labs</title>
<script>
  location.replace((navigator.languages || []).find((code) => /^(ko|en)/.test(code))?.slice(0, 2) === "ko"
    ? "ko/index.html" : "en/index.html");
</script>
<p><a href="ko/index.html" lang="ko">한국어</a> · <a href="en/index.html" lang="en">English</a></p>
"""


def place(name: str) -> Path:
    """The folder of this name, from where the caller is. Raises `UserError` when the site cannot be written there."""
    folder = caller_path(name)
    if not folder.parent.is_dir():
        raise UserError(f"--out {name}: there is no folder {folder.parent}")
    if folder.is_file():
        raise UserError(f"--out {name}: this is a file; name a folder")
    if folder.is_dir() and not (folder / MARK).exists() and any(folder.iterdir()):
        raise UserError(f"--out {name}: something else is in it; name a new folder")
    return folder


def write(folder: Path) -> None:
    """Build the site and put it in the place of an older one in `folder`.

    Raises:
        UserError: Sphinx has found fault with a page, or the folder cannot be written.
    """
    try:
        with ledger.folder("site-") as work, ledger.beside(folder) as part:
            build(ROOT, lessons.shown, work, part)
            if folder.exists():
                shutil.rmtree(folder)
            part.rename(folder)
    except OSError as error:
        raise UserError(f"--out {folder}: it cannot be written ({error.strerror})") from None
    for code in pages.LANGUAGES:
        print(folder / code / "index.html")
    missing = lessons.without_outputs()
    if missing:
        print(f"{len(missing)} lessons have no outputs: ./invoke site --execute runs them")


def build(clone: Path, notebook: Callable[[str, str], dict[str, Any]], work: Path, folder: Path) -> None:
    """Build the pages of a clone in the new folder `folder`. `notebook`: as for `pages.write`."""
    python = venv.ensure(STATE / "site-venv", REQUIREMENTS / "site.txt")
    pages.write(clone, notebook, work / "pages")
    folder.mkdir()
    for code in pages.LANGUAGES:
        log = state_path("logs", f"site-{code}.log")
        html = work / code / "html"  # MyST-NB also writes beside it
        command = [str(python), "-I", "-X", "utf8", "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html"]
        command += ["-c", str(CONFIGURATION), "-D", f"language={code}", "-d", str(work / code / "read")]
        command += [str(work / "pages" / code), str(html)]
        if process.logged(command, log, limit=LIMIT, env=environment.caller()):
            reason = next(iter(log.read_text(encoding="utf-8", errors="replace").splitlines()), "no reason was given")
            raise UserError(f"The pages could not be built: {reason} (all of it: {log})")
        shutil.move(html, folder / code)
    (folder / "index.html").write_text(INDEX, encoding="utf-8")
    (folder / MARK).touch()
