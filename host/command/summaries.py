"""The commands of tasks.py in one line each, read from its source: to load Invoke takes longer than all of this."""

import ast

from host.bootstrap.paths import ROOT


def summaries() -> dict[str, str]:
    """The first line of each command's documentation, by the command."""
    tree = ast.parse((ROOT / "tasks.py").read_text(encoding="utf-8"))
    tasks = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.decorator_list]
    return {task.name.rstrip("_"): (ast.get_docstring(task) or "").partition("\n")[0] for task in tasks}
