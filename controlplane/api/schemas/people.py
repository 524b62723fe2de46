"""Owns the answers about who may come in."""

from controlplane.api.schemas.base import Answer


class UserAnswer(Answer):
    """A person who may log in."""

    name: str
    """What they log in with, and what stands in the history."""
    role: str
    """`viewer`, `operator` or `admin`."""


class UsersAnswer(Answer):
    """Everybody who may log in."""

    users: list[UserAnswer]
    """By name."""


class TokenAnswer(Answer):
    """A token, without its secret."""

    name: str
    """Who holds it."""
    role: str
    """`viewer`, `operator`, `admin` or `prober`."""
    vantage: str | None
    """Of a prober: the vantage that it reports for."""


class TokensAnswer(Answer):
    """Every token that this API gave out."""

    tokens: list[TokenAnswer]
    """By name."""


class NewTokenAnswer(TokenAnswer):
    """A token that was made just now."""

    token: str
    """Its secret: it is told here, once, and kept nowhere."""


class RemovedAnswer(Answer):
    """Who may come in no more."""

    name: str
    """Of the user or the token."""
