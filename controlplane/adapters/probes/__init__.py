"""Probe transports: one file per protocol."""
