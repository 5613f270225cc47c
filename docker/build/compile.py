#!/usr/bin/python3
"""Compiles the modules of /opt/labs to bytecode, but for large subtrees that no lab imports.

A read-only container cannot write bytecode itself, and without it `import tensorflow` takes three times as long. The
files are of the unchecked kind (PEP 552): equal sources give equal bytes, and no timestamp is compared on loading.
"""

import compileall
import py_compile
import re
import sys
import sysconfig

SITE = sysconfig.get_path("purelib", "venv", {"base": "/opt/labs"})
MODELS = "auto|bert|distilbert|gpt2|roberta|t5|vit"
NEWER_SYNTAX = "torch/testing/_internal/py312_"
SKIPPED = re.compile(
    rf"{SITE}/(ray/(rllib|serve|llm)|mypy|mypyc|transformers/models/(?!__init__|({MODELS})/)|{NEWER_SYNTAX})"
)

if not compileall.compile_dir(
    SITE, quiet=1, workers=0, rx=SKIPPED, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH
):
    sys.exit("a module does not compile")
