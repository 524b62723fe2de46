"""SAYS what other programs rely on: formats, names, keys; pure."""
