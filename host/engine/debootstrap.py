"""The base image from the machine's own Debian mirror, for where no container registry can be reached."""

import shutil
from pathlib import Path

from host.bootstrap import ledger, process
from host.engine.content import LOCAL
from host.machine.apt import install, mirror, run
from lib.harness.errors import UserError

RELEASE = "bookworm"


def make(system: dict[str, str]) -> None:
    """Debian as the official slim image has it: the minimal system, three suites, no documentation or lists."""
    codename = system.get("VERSION_CODENAME", "")
    main, security = mirror(codename), mirror(f"{codename}-security")
    if system.get("ID") != "debian" or not main:
        raise UserError("No registry can be reached and apt has no Debian mirror to make the base from: set BASE_IMAGE")
    log = Path("/var/log/fearless-labs-debootstrap.log")
    log.unlink(missing_ok=True)
    if not shutil.which("debootstrap"):
        run(["apt-get", "update", "-qq"], log)
        install(["debootstrap"], log)
    with ledger.folder("fearless-labs-", Path("/var/tmp")) as folder:
        run(["debootstrap", "--variant=minbase", RELEASE, str(folder), main], log)
        sources = [f"deb {main} {RELEASE} main", f"deb {main} {RELEASE}-updates main"]
        if security:
            sources.append(f"deb {security} {RELEASE}-security main")
        (folder / "etc/apt/sources.list").write_text("\n".join(sources) + "\n", encoding="utf-8")
        shared = ("doc", "man", "info", "locale")
        excluded = "".join(f"path-exclude /usr/share/{name}/*\n" for name in shared)
        (folder / "etc/dpkg/dpkg.cfg.d/docker").write_text(excluded, encoding="utf-8")
        for emptied in (*(f"usr/share/{name}" for name in shared), "var/cache/apt/archives", "var/lib/apt/lists"):
            shutil.rmtree(folder / emptied)
            (folder / emptied).mkdir()
        with log.open("a", encoding="utf-8") as errors:
            archive = ["tar", "-C", str(folder), "--numeric-owner", "-c", "."]
            with process.reading(archive, errors) as (tar, stdout):
                command = ["docker", "import", "--change", 'CMD ["bash"]', "-", LOCAL]
                imported = process.output(command, limit=process.INSTALL, stdin=stdout)
        if imported.returncode or tar.returncode:
            raise UserError(f"The base image could not be imported: {imported.stderr.strip()}")
