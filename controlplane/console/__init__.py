"""SHOWS to people: pages; templates and static files live in the top-level web/."""
