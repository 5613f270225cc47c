"""What a lab says: its config, trials, study, claims, figures and search."""
