"""The published table: every sentence of the lecture with its verdict, from full runs of one root seed, in docs/.

Per lab ``docs/results/LAB/`` has ``run.json`` (which run, on which processor, in which minutes), ``claims.json`` and
``digests.json`` (by trial), and the figures in both languages. ``docs/results/verdicts.json`` joins the claims of all
labs; the pages ``verdicts.md`` and ``verdicts.ko.md`` in docs/ show them. `files` makes all of it; `stale` names what
the code of now would measure in another way.
"""

from __future__ import annotations

import ast
import base64
import hashlib
import io
import json
import math
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from PIL import Image, ImageSequence

from lib.harness.comparing.from_journals import current
from lib.harness.comparing.records import Record
from lib.harness.contract.catalogue import chosen, find_labs
from lib.harness.contract.lab import Lab
from lib.harness.contract.loading import load
from lib.harness.contract.settings import Options
from lib.harness.contract.source import TEXTS, LabEntry
from lib.harness.contract.texts import LANGUAGES, Language, Text
from lib.harness.errors import UserError
from lib.harness.judging.family import family_of
from lib.harness.recording.jsonfile import json_bytes
from lib.harness.recording.provenance import files_of
from lib.harness.showing import display
from lib.harness.showing.in_cell import KOREAN_VERDICTS
from lib.harness.showing.report import rows_of

RESULTS = "results"
VERDICTS = f"{RESULTS}/verdicts.json"
PAGES: Mapping[Language, str] = {"en": "verdicts.md", "ko": "verdicts.ko.md"}
WIDTH = 1000
"""Pixels of a published picture at most; all of them together stay below 15 MB."""
MEASURED = ("id", "statement", "role", "holds_when")
"""The parts of a claim's record that the code says before anything is measured."""


@dataclass(frozen=True)
class Published:
    """A lab's part of the table, as its folder has it.

    Attributes:
        run: facts of its run, and its rows: ``id``; ``sentence``, ``unit`` and ``figure`` (a file) by language.
        claims: the records of its claims.
    """

    lab: str
    run: Mapping[str, Any]
    claims: Sequence[Mapping[str, Any]]


def print_published(root: Path, docs: Path, words: Sequence[str], options: Options) -> int:
    """Print the table's files as JSON, each in base64 by its path below docs/, for the host to write. Returns 0.

    Args:
        root: of the code.
        docs: the folder with what is published already.
        words: the labs whose runs join the table; none: the lecture's. The others stay as they are published.
        options: of the runs.

    Raises:
        UserError: a lab has no full run of its present code with this root seed, or what is published cannot be read.
    """
    written = files(root, docs, words, options)
    print(json.dumps({name: base64.b64encode(data).decode("ascii") for name, data in written.items()}))
    return 0


def files(root: Path, docs: Path, words: Sequence[str], options: Options) -> dict[str, bytes]:
    """The files of the table by their paths below docs/. Args and errors as `print_published`."""
    parts = {part.lab: part for part in published(docs)}
    made: dict[str, bytes] = {}
    for entry in chosen(root, words):
        lab = load(entry)
        run = current(entry, lab, options)
        if run is None:
            command = f"./invoke claims --seed {options.seed} --only {lab.name}"
            raise UserError(f"{lab.name}: no full run of its present code has the root seed {options.seed}: {command}")
        of_lab = folder_of(entry, lab, run)
        part = of_files(lab.name, {name: of_lab[name] for name in ("run.json", "claims.json")})
        parts[lab.name] = part
        made |= {f"{RESULTS}/{lab.name}/{name}": data for name, data in of_lab.items()}
    in_order = [parts[name] for name in find_labs(root) if name in parts]
    made[VERDICTS] = json_bytes([record for part in in_order for record in part.claims])
    return made | {PAGES[code]: page(in_order, code).encode() for code in LANGUAGES}


def folder_of(entry: LabEntry, lab: Lab, run: Record) -> dict[str, bytes]:
    """The files of a lab's folder."""
    pictures = pictures_of(lab, run)
    digests = [
        {"variant": child.variant, "seed": child.seed, "digest": child.digest} for child in run.children.values()
    ]
    facts = {
        "run": run.key,
        "root_seed": int(run.params["root_seed"]),
        "commit": run.tags.get("lab.git_commit", "unknown"),
        "changed": run.tags.get("lab.git_dirty") == "true",
        "lock_sha256": run.tags["lab.lock_sha256"],
        "processor": run.tags.get("lab.cpu", "unknown"),
        "ended": datetime.fromtimestamp(run.time / 1000, UTC).strftime("%Y-%m-%d"),
        "minutes": round((run.time - run.began) / 60_000, 1),
        "trials": len(digests),
        "digest": run.tags["lab.result_digest"],
        "python": _python(),
        "code": computing(entry),
        "rows": [_row(lab, row, records, pictures) for row, records in rows_of(run.claims).items()],
    }
    return {
        "run.json": json_bytes(facts),
        "claims.json": json_bytes(run.claims),
        "digests.json": json_bytes(digests),
        **pictures,
    }


def _row(lab: Lab, row: str, records: Sequence[Mapping[str, Any]], pictures: Mapping[str, bytes]) -> dict[str, Any]:
    texts, own = lab.texts, records[0]
    claim = f"claims.{own.get('part', row)}"
    name = texts.figures.get(row, "")
    return {
        "id": row,
        "sentence": _both(texts.both(f"rows.{row}.sentence") or texts.both(f"{claim}.statement"), own["statement"]),
        "unit": _both(texts.both(f"{claim}.unit"), own["unit"]),
        "figure": {code: file for code in LANGUAGES if (file := f"{name}.{code}.webp") in pictures},
    }


def _both(text: Text | None, english: str) -> dict[str, str]:
    """A text by language; where the lab has none, the recorded English one in both."""
    return {"en": text.en, "ko": text.ko} if text else dict.fromkeys(LANGUAGES, english)


def pictures_of(lab: Lab, run: Record) -> dict[str, bytes]:
    """The run's figures and animations as WebP by name and language; one without words is there for both."""
    found = {}
    for name in (*lab.figures, *lab.animations):
        for code, folder in (("en", "figures/"), ("ko", "figures/ko/")):
            data = next(
                (data for kind in ("png", "gif") if (data := run.source.file(f"{folder}{name}.{kind}")) is not None),
                None,
            )
            if data is not None:
                found[f"{name}.{code}.webp"] = as_webp(data)
        if f"{name}.en.webp" in found:
            found.setdefault(f"{name}.ko.webp", found[f"{name}.en.webp"])
    return found


def as_webp(data: bytes) -> bytes:
    """A picture or an animation as WebP, at most `WIDTH` pixels wide."""
    with Image.open(io.BytesIO(data)) as image:
        scale = min(1.0, WIDTH / image.width)
        size = (round(image.width * scale), round(image.height * scale))
        frames = [each.convert("RGB").resize(size, Image.Resampling.LANCZOS) for each in ImageSequence.Iterator(image)]
        duration = image.info.get("duration", 0)
    out = io.BytesIO()
    more: dict[str, Any] = {"save_all": True, "append_images": frames[1:], "duration": duration, "loop": 0}
    frames[0].save(out, "webp", quality=80, method=6, **(more if len(frames) > 1 else {}))
    return out.getvalue()


def computing(entry: LabEntry) -> str:
    """SHA-256 of the code by which a lab computes: its modules and what they import outside the harness.

    Texts, figures, comments and docstrings measure nothing and are left out.
    """
    digest = hashlib.sha256()
    for name, data in sorted(files_of([entry.module]).items()):
        path = PurePosixPath(name)
        if path.is_relative_to("lib/harness") or path.name == TEXTS or "figures" in (*path.parts, path.stem):
            continue
        content = _without_docstrings(data).encode() if path.suffix == ".py" else data
        digest.update(f"{hashlib.sha256(content).hexdigest()}  {name}\n".encode())
    return digest.hexdigest()


def _without_docstrings(source: bytes) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [line for line in node.body if not _is_text(line)] or [ast.Pass()]
    return ast.dump(tree)


def _is_text(line: ast.stmt) -> bool:
    return isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant) and isinstance(line.value.value, str)


def _python() -> str:
    return ".".join(platform.python_version_tuple()[:2])


def published(docs: Path) -> Iterator[Published]:
    """The labs' parts of the table that a clone has. Raises `UserError` for one that cannot be read."""
    for file in sorted((docs / RESULTS).glob("*/run.json")):
        names = ("run.json", "claims.json")
        try:
            yield of_files(file.parent.name, {name: file.with_name(name).read_bytes() for name in names})
        except OSError as error:
            raise UserError(f"{error.filename} cannot be read ({error.strerror})") from None


def of_files(lab: str, files: Mapping[str, bytes]) -> Published:
    """A lab's part of the table from the files of its folder. Raises `UserError` for one that is not whole."""
    try:
        run, claims = json.loads(files["run.json"]), json.loads(files["claims.json"])
        _ = run["code"], run["rows"], [record[key] for record in claims for key in (*MEASURED, "verdict")]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise UserError(f"docs/{RESULTS}/{lab} is not whole: take it from git again, or publish {lab} again") from None
    return Published(lab, run, claims)


def stale(root: Path) -> list[str]:
    """A line for each published lab that the code of now would measure or judge in another way.

    Raises:
        UserError: what is published cannot be read.
    """
    entries, lines = find_labs(root), []
    for part in published(root / "docs"):
        entry = entries.get(part.lab)
        if entry is None:
            lines.append(f"{part.lab}: there is no such lab any more")
        elif _said(part.claims) != _said(_claims_of(load(entry))):
            lines.append(f"{part.lab}: its claims are others now (id, statement, role or range)")
        elif part.run["python"] == _python() and part.run["code"] != computing(entry):
            lines.append(f"{part.lab}: the code by which it computes has changed")
    return lines


def _claims_of(lab: Lab) -> list[dict[str, str]]:
    return [
        {"id": each.id, "statement": each.statement, "role": each.says, "holds_when": each.range_text}
        for each in lab.claims
    ]


def _said(records: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """The parts of each claim that the code says; the records of whole rows repeat one of their claims."""
    return sorted(tuple(record[key] for key in MEASURED) for record in records if "part" not in record)


def page(parts: Sequence[Published], code: Language) -> str:
    """The table in one language, as Markdown."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["cell"] = _cell
    family = family_of(record for part in parts for record in part.claims)
    lines = [line for part in parts for line in _lines(part, code, family.turning)]
    lecture, others = ([line for line in lines if line["lecture"] is wanted] for wanted in (True, False))
    counts = {verdict: sum(line["verdict"] == verdict for line in lecture) for verdict in KOREAN_VERDICTS}
    return environment.get_template(f"verdicts.{code}.md.j2").render(
        parts=parts, lecture=lecture, others=others, counts=counts, words=KOREAN_VERDICTS, results=RESULTS
    )


def _lines(part: Published, code: Language, turning: frozenset[str]) -> Iterator[dict[str, Any]]:
    """The rows of a lab, for the page."""
    records = rows_of(part.claims)
    for row in part.run["rows"]:
        own = records[row["id"]][0]
        yield {
            "lecture": bool(own.get("lecture")),
            "lab": part.lab,
            "sentence": row["sentence"][code],
            "figure": row["figure"].get(code, ""),
            "verdict": own["verdict"],
            "turns": row["id"] in turning,
            "effect": "–" if own["effect"] is None else f"{display.effect_text(own)} {row['unit'][code]}".strip(),
            "interval": _interval(own),
            "seeds": own["seeds"] or "–",
        }


def _interval(record: Mapping[str, Any]) -> str:
    """The ends of the interval of a row's claim; a dash where it has none."""
    ends = [record["low"], record["high"]]
    if record["kind"] == "exact" or None in ends or any(math.isnan(float(end)) for end in ends):
        return "–"
    return display.ends_text(record, " … ")


def _cell(text: Any) -> str:
    """A text as the cell of a table in Markdown."""
    return str(text).replace("|", "\\|").replace("\n", " ")
