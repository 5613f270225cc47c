"""What every lab stands on: the contract, studies, the journal, provenance, determinism, claims and figures."""

__version__ = "0.2.0"
