"""MEASURES what is promised in figures, beside other programs in the same run: `python -m bench.<name>`."""
