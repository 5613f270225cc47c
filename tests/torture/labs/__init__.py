"""The lab that faults are tried in."""
