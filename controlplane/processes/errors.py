"""Owns the one exception of this room."""


class ProcessError(Exception):
    """A process cannot be run here; the text is one sentence for the person who typed the command."""
