"""`./invoke build --check`: each image is built twice from nothing, and all files of the two are compared.

Compared are paths, kinds, modes, owners, links, extended attributes and contents; times are not, as a file has the
time of the build. The images that are there are left alone.
"""

import hashlib
import subprocess
import sys
import tarfile
import time
from typing import IO

from host import engine, images
from host.compose import reason
from host.paths import ROOT, state_path
from lib.harness.errors import UserError

SHOWN = 20
KINDS = {
    tarfile.REGTYPE: "file",
    tarfile.DIRTYPE: "folder",
    tarfile.SYMTYPE: "link",
    tarfile.LNKTYPE: "hard link",
    tarfile.CHRTYPE: "device",
    tarfile.BLKTYPE: "device",
    tarfile.FIFOTYPE: "pipe",
}


def check(*wanted: images.Image) -> bool:
    """Build each image twice and print what differs. Whether nothing does."""
    engine.require()
    engine.require_plugins()
    same = True
    for image in wanted:
        start = time.monotonic()
        found = []
        for number in (1, 2):
            print(f"Building {image.target} from nothing ({number} of 2) …", file=sys.stderr, flush=True)
            found.append(built(image))
        lines = differences(*found)
        for line in lines[:SHOWN]:
            print(line)
        what = f"{len(lines):,} differ" if lines else f"both builds have the same {len(found[0]):,} files"
        print(f"{image.target}: {what} ({time.monotonic() - start:.0f} s)")
        same = same and not lines
    return same


def built(image: images.Image) -> dict[str, str]:
    """What is in `image`, built without a cache. Raises `UserError` when it cannot be built."""
    command = images.build_command(image.target, images.build_arguments(image), images.base_options())
    command += ["--no-cache", "--progress=plain", "--output", "type=tar,dest=-", "."]
    log = state_path("logs", f"check-{image.target}.log")
    with log.open("w", encoding="utf-8") as said:
        build = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said, start_new_session=True
        )
        assert build.stdout
        try:
            found = listing(build.stdout)
            build.stdout.read()
        except tarfile.TarError:
            found = {}
        except BaseException:
            build.kill()
            raise
        finally:
            build.stdout.close()
            code = build.wait()
    if code or not found:
        raise UserError(f"The build of {image.target} failed: {reason(log.read_text(encoding='utf-8'))} (all: {log})")
    return found


def listing(stream: IO[bytes]) -> dict[str, str]:
    """Each path of a tar and what it is, in one line. Raises `tarfile.TarError` when it is no tar."""
    found = {}
    with tarfile.open(fileobj=stream, mode="r|", bufsize=1 << 20) as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isreg() else None
            digest = hashlib.sha256()
            while content and (block := content.read(1 << 20)):
                digest.update(block)
            facts = [KINDS.get(member.type, "other"), f"{member.mode:o}", f"{member.uid}:{member.gid}"]
            facts += [f"{member.size:,} bytes, sha256 {digest.hexdigest()}"] if content else []
            facts += [f"to {member.linkname}"] if member.linkname else []
            facts += [f"{k}={v}" for k, v in sorted(member.pax_headers.items()) if k.startswith("SCHILY.xattr")]
            found["/" + member.name.strip("/").removeprefix("./")] = ", ".join(facts)
    return found


def differences(first: dict[str, str], second: dict[str, str]) -> list[str]:
    """One line for each path that only one of them has, or that is something else in the other; sorted."""
    lines = []
    for path in sorted(first.keys() | second.keys()):
        one, other = first.get(path), second.get(path)
        if one is None or other is None:
            lines.append(f"{path}: only in the {'second' if one is None else 'first'}")
        elif one != other:
            lines.append(f"{path}: {one} | {other}")
    return lines
