"""In place of the package of this name, in the processes of Ray (PYTHONPATH): they start 3 s of processor time earlier.

jsonschema, which Ray imports in each of them, does without that package, whose grammar is built anew at every import.
"""

raise ImportError("left out: see its first lines")
