"""Owns who is plugged into whom: the one room that knows every other."""
