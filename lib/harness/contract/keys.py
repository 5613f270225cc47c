"""The fields of a lab's config, read from the source: what ``--set`` takes, without importing a lab or pydantic.

A config is a class whose fields are ``name: type = Field(default, ge=…, le=…, description="…")``. Types, defaults and
bases are followed through module-level names and ``from … import …`` of files below the root.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SIGNS = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<", "min_length": "length >=", "max_length": "length <="}
SIGNS |= {"multiple_of": "a multiple of"}


@dataclass(frozen=True)
class Key:
    """A field of a config. `kind`: its type and range, as in ``int, >= 1, <= 1000``; `reason`: for its default."""

    name: str
    kind: str
    default: str
    reason: str


@dataclass(frozen=True)
class _Module:
    root: Path
    path: Path

    @property
    def body(self) -> list[ast.stmt]:
        return ast.parse(self.path.read_text(encoding="utf-8")).body

    def find(self, name: str) -> tuple[_Module, ast.ClassDef | ast.expr] | None:
        """The module that defines `name` at its top level, and the definition; None where the name is another's."""
        for node in self.body:
            match node:
                case ast.ClassDef(name=defined) if defined == name:
                    return self, node
                case ast.Assign(targets=[ast.Name(id=defined)], value=value) if defined == name:
                    return self, value
                case ast.AnnAssign(target=ast.Name(id=defined), value=ast.expr() as value) if defined == name:
                    return self, value
                case ast.ImportFrom(module=str() as module, names=names, level=0):
                    for alias in names:
                        if (alias.asname or alias.name) == name:
                            other = self._file(module)
                            return other.find(alias.name) if other else None
        return None

    def follow(self, node: ast.expr) -> tuple[_Module, ast.ClassDef | ast.expr] | None:
        """The definition of a name, or of a name of an imported module."""
        match node:
            case ast.Name(id=name):
                return self.find(name)
            case ast.Attribute(value=ast.Name(id=name), attr=attribute):
                for statement in self.body:
                    if isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
                        for alias in statement.names:
                            if (alias.asname or alias.name) == name:
                                other = self._file(f"{statement.module}.{alias.name}")
                                return other.find(attribute) if other else None
        return None

    def _file(self, module: str) -> _Module | None:
        for folder in (self.root, self.root / "lib" / "public"):
            base = folder.joinpath(*module.split("."))
            for path in (base.with_suffix(".py"), base / "__init__.py"):
                if path.is_file():
                    return _Module(self.root, path)
        return None


def keys_of(root: Path, lab: Path) -> list[Key]:
    """The keys that ``--set`` takes for the lab in the file `lab`, in the order of its config.

    Empty where the source does not say: `config` of ``LAB = Lab(…)`` is no class that can be found.
    """
    module = _Module(root, lab)
    config = next(
        (
            keyword.value
            for node in module.body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
            for keyword in node.value.keywords
            if keyword.arg == "config"
        ),
        ast.Constant(None),
    )
    return list({key.name: key for key in _fields(module, config)}.values())


def _fields(module: _Module, config: ast.expr) -> Iterator[Key]:
    """The fields of a class, those of its bases first."""
    match module.follow(config):
        case (where, ast.ClassDef(bases=bases, body=body)):
            for base in bases:
                yield from _fields(where, base)
            for node in body:
                match node:
                    case ast.AnnAssign(target=ast.Name(id=field), annotation=annotation, value=value):
                        yield _key(where, field, annotation, value)


def _key(module: _Module, name: str, annotation: ast.expr, value: ast.expr | None) -> Key:
    kind, ranges = _kind(module, annotation)
    default, reason = "", ""
    match value:
        case ast.Call(func=ast.Name(id="Field"), args=arguments, keywords=keywords):
            ranges = ranges + _ranges(module, keywords)
            default = _value(module, arguments[0]) if arguments else ""
            for keyword in keywords:
                if keyword.arg == "description":
                    reason = str(ast.literal_eval(keyword.value))
        case ast.expr():
            default = _value(module, value)
    return Key(name, ", ".join([kind, *ranges]), default, reason)


def _kind(module: _Module, annotation: ast.expr) -> tuple[str, list[str]]:
    """A type as text, and the ranges that it brings."""
    match annotation:
        case ast.Subscript(value=ast.Name(id="Annotated"), slice=ast.Tuple(elts=[kind, *marks])):
            text, ranges = _kind(module, kind)
            calls = [mark for mark in marks if isinstance(mark, ast.Call)]
            return text, ranges + [bound for call in calls for bound in _ranges(module, call.keywords)]
        case ast.Subscript(value=ast.Name(id="Literal"), slice=values):
            elements = values.elts if isinstance(values, ast.Tuple) else [values]
            return " or ".join(_kind(module, element)[0] for element in elements), []  # one may be a Literal itself
        case ast.Subscript(value=ast.Name(id="tuple"), slice=ast.Tuple(elts=[element, ast.Constant(value=value)])) if (
            value is ...
        ):
            text, ranges = _kind(module, element)
            return f"tuple of {text}", [f"each {bound}" for bound in ranges]
        case ast.Name() | ast.Attribute() if found := module.follow(annotation):
            where, definition = found
            if isinstance(definition, ast.expr):
                return _kind(where, definition)
    return ast.unparse(annotation), []


def _ranges(module: _Module, keywords: list[ast.keyword]) -> list[str]:
    """The bounds among the keywords of ``Field(…)``."""
    return [f"{SIGNS[k.arg]} {_value(module, k.value)}" for k in keywords if k.arg in SIGNS]


def _value(module: _Module, node: ast.expr) -> str:
    """A value as text; the value of a constant that has a name."""
    match module.follow(node):
        case (_, ast.Constant() | ast.Tuple() | ast.UnaryOp() as value):
            return ast.unparse(value)
    return ast.unparse(node)
