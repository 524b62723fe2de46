"""PostgreSQL: the registry, the tokens and the journal."""
