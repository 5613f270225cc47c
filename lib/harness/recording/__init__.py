"""Everything that is written while a run goes on: journal, trace, code and environment."""
