"""LISTENS: what a person types."""
