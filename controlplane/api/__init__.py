"""SPEAKS to programs: REST and server-sent events."""
