"""RUNS: one supervisor, one table of children."""
