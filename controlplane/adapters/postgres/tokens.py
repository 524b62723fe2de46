"""Owns tokens in PostgreSQL: who they belong to and the SHA-256 of their secrets, never a secret."""

from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from controlplane.adapters.postgres.session import Database
from controlplane.adapters.postgres.tables import tokens
from controlplane.application.ports import Token

_COLUMNS = (tokens.c.name, tokens.c.role, tokens.c.sha256, tokens.c.vantage)


class PostgresTokens:
    """PostgreSQL behind the port `TokenRepository`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> Sequence[Token]:
        """Every token that is not revoked, by name."""
        async with self._database.begin() as connection:
            rows = await connection.execute(select(*_COLUMNS))
            return sorted((Token(**row) for row in rows.mappings()), key=lambda token: token.name)

    async def add(self, token: Token) -> None:
        """Store a token; a second one of the same name replaces the first."""
        values = {"role": token.role, "sha256": token.sha256, "vantage": token.vantage}
        statement = insert(tokens).values(name=token.name, **values)
        async with self._database.begin() as connection:
            await connection.execute(
                statement.on_conflict_do_update(index_elements=[tokens.c.name], set_=values)
            )

    async def remove(self, name: str) -> bool:
        """Revoke a token; False where there is none."""
        statement = delete(tokens).where(tokens.c.name == name).returning(tokens.c.name)
        async with self._database.begin() as connection:
            return (await connection.execute(statement)).first() is not None
