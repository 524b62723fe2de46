"""Lets `python -m controlplane` do what the command `controlplane` does."""

from controlplane.cli.main import run

run()
