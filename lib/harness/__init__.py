"""What every lab stands on: the contract, studies, the journal, provenance, determinism, claims and figures."""
