"""Owns the addresses of the API: one file per subject, each a router that `create_app` includes."""
