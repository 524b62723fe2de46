"""CONDUCTS: use-cases in terms of ports; no library names."""
