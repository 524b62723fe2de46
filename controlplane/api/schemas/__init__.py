"""Owns the shape of every answer of the API that is not a problem: what other programs rely on.

Fields may be added; none is renamed or removed within `/api/v1`.
"""
