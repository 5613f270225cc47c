"""The source of what a notebook's cells define, so that a lab can use it: ``run(lab, with_={"Momentum": MyMomentum})``.

A class or function is written to a module together with everything that it uses: imports, other definitions of the
notebook, plain values. What has no source, such as an array, cannot be recorded, and is refused.
"""

from __future__ import annotations

import ast
import builtins
import dis
import inspect
import linecache
import sys
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import CodeType, FunctionType, ModuleType
from typing import Any

from lib.harness.errors import UserError, short
from lib.harness.replaced import MODULE, TABLE

FILE = f"{MODULE.replace('.', '/')}.py"
"""The path of the module in a copy of the code."""
GLOBAL, IMPORTS = ("LOAD_GLOBAL", "LOAD_NAME"), ("import ", "from ")
HEAD = '"""Code of a notebook that takes the place of the lab\'s own."""\n'


def module_of(parts: Mapping[str, Any]) -> bytes:
    """The source of a module whose table holds these classes and functions, by what they take the place of.

    Raises:
        UserError: one of them is neither a class nor a function, its source is not known, or it uses what has none.
    """
    if not isinstance(parts, Mapping) or not parts:
        raise UserError('with_: it is a table by name, as in with_={"Momentum": MyMomentum}')
    written: dict[str, Written] = {}
    for name, part in parts.items():
        if not isinstance(part, (type, FunctionType)):
            raise UserError(f"with_: {short(str(name))} is to be a class or a function, not {type(part).__name__}")
        _write(part.__name__, part, _namespace(part), written)
    table = ", ".join(f"{str(name)!r}: {part.__name__}" for name, part in parts.items())
    sources = sorted((each.source for each in written.values()), key=lambda text: not text.startswith(IMPORTS))
    return "\n\n".join([HEAD, *sources, f"{TABLE} = {{{table}}}\n"]).encode()


def modules_of(source: bytes) -> list[str]:
    """The modules that such a source imports."""
    found: list[str] = []
    for node in ast.parse(source).body:
        if isinstance(node, ast.ImportFrom) and node.module:
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
    return found


def _namespace(part: Any) -> Mapping[str, Any]:
    return vars(sys.modules[part.__module__]) if part.__module__ in sys.modules else {}


@dataclass(frozen=True)
class Written:
    """A value that the module has under a name, and its source there."""

    value: Any
    source: str


def _write(name: str, value: Any, namespace: Mapping[str, Any], written: dict[str, Written]) -> None:
    """Add the source of `value`, under this name, to `written`, behind that of what it uses.

    Raises:
        UserError: it has none, or the module has something else under this name.
    """
    if name in written or name == TABLE:
        if name == TABLE or written[name].value is not value:
            raise UserError(f"with_: two things are called {short(name)}: give one of them another name")
        return
    written[name] = Written(value, "")  # a function may use itself, or one that uses it
    if isinstance(value, ModuleType):
        text = f"import {value.__name__} as {name}"
    elif isinstance(value, (type, FunctionType)) and _namespace(value) is namespace:
        source = _source(value)
        for used in _used(source):
            if used in namespace and not used.startswith("__") and namespace[used] is not getattr(builtins, used, None):
                _write(used, namespace[used], namespace, written)
        text = source if value.__name__ == name else f"{source}\n{name} = {value.__name__}"
    elif (home := _home(value)) is not None:
        text = f"from {home} import {value.__name__} as {name}"
    elif _is_plain(value):
        text = f"{name} = {value!r}"
    else:
        raise UserError(
            f"with_: it uses {name}, a {type(value).__name__} of the notebook, which has no source to record: make it "
            "inside the function or class"
        )
    del written[name]  # last, as what it uses comes before it
    written[name] = Written(value, text)


def _home(value: Any) -> str | None:
    """The module from which `value` can be imported; None: there is none."""
    home, own = getattr(value, "__module__", None) or "numpy", getattr(value, "__name__", None)  # ufuncs name none
    importable = home != "__main__" and isinstance(own, str) and getattr(sys.modules.get(home), own, None) is value
    return str(home) if importable else None


def _is_plain(value: Any) -> bool:
    try:
        return bool(ast.literal_eval(repr(value)) == value)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return False


def _source(value: Any) -> str:
    """The source of a class or function. Raises `UserError` where it is not known."""
    name = value.__name__
    for code in _codes(value):
        lines = linecache.getlines(code.co_filename)
        try:
            tree = ast.parse("".join(lines))
        except SyntaxError:
            continue
        kinds = (ast.ClassDef,) if isinstance(value, type) else (ast.FunctionDef, ast.AsyncFunctionDef)
        for node in ast.walk(tree):
            if isinstance(node, kinds) and node.name == name and _first(node) <= code.co_firstlineno <= _last(node):
                return textwrap.dedent("".join(lines[_first(node) - 1 : _last(node)])).rstrip()
    raise UserError(
        f"with_: the source of {short(name)} is not known: define it in a cell of the notebook, by its name"
    )


def _first(node: Any) -> int:
    return int(min([node.lineno, *(each.lineno for each in node.decorator_list)]))


def _last(node: Any) -> int:
    return int(node.end_lineno)


def _codes(value: Any) -> Iterator[CodeType]:
    """The code of a function, or of a class's methods."""
    members = vars(value).values() if isinstance(value, type) else [value]
    for member in members:
        function = inspect.unwrap(getattr(member, "__func__", member)) if callable(member) else None
        if isinstance(function, FunctionType):
            yield function.__code__


def _used(source: str) -> list[str]:
    """The global names that a definition uses, in the order of their use."""
    todo, names = [compile(source, "<cell>", "exec", dont_inherit=True)], dict[str, None]()  # with its annotations
    while todo:
        code = todo.pop()
        names |= {each.argval: None for each in dis.get_instructions(code) if each.opname in GLOBAL}
        todo += [each for each in code.co_consts if isinstance(each, CodeType)]
    return list(names)
