"""Owns the kinds of values that settings have: what is allowed, in code for programs, in words for people."""

from dataclasses import dataclass
from ipaddress import ip_network
from typing import Annotated

from annotated_types import Ge, Le
from pydantic import AfterValidator, SecretStr

from controlplane.contract.names import NAME_RULE, is_name

SECRET_KEY_CHARACTERS_MIN = 32


@dataclass(frozen=True, slots=True)
class Unit:
    """What a number counts."""

    name: str


@dataclass(frozen=True, slots=True)
class Rule:
    """What a text must look like, in words."""

    text: str


def _name(text: str) -> str:
    if not is_name(text):
        raise ValueError("not a name")
    return text


def _consul_prefix(text: str) -> str:
    if text.startswith("/") or not text.endswith("/") or "//" in text:
        raise ValueError("not a prefix of keys")
    return text


def _http_url(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise ValueError("not an HTTP address")
    return text.rstrip("/")


def _database_url(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value().startswith(("postgresql://", "postgres://")):
        raise ValueError("not an address of PostgreSQL")
    return secret


def _networks(text: str) -> str:
    for part in text.split(","):
        ip_network(part.strip())
    return text


def _secret_key(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value()) < SECRET_KEY_CHARACTERS_MIN:
        raise ValueError("too short for a key")
    return secret


Name = Annotated[str, AfterValidator(_name), Rule(NAME_RULE)]
Prefix = Annotated[
    str, AfterValidator(_consul_prefix), Rule("a prefix of keys: no `/` in front, one at the end")
]
HttpUrl = Annotated[str, AfterValidator(_http_url), Rule("`http://…` or `https://…`")]
DatabaseUrl = Annotated[
    SecretStr, AfterValidator(_database_url), Rule("`postgresql://user:password@host/database`")
]
Networks = Annotated[
    str, AfterValidator(_networks), Rule("addresses and networks with commas between: `10.0.0.7, fd00::/8`")
]
SecretKey = Annotated[
    SecretStr,
    AfterValidator(_secret_key),
    Rule(f"at least {SECRET_KEY_CHARACTERS_MIN} random characters, such as `openssl rand -hex 32` prints"),
]
Port = Annotated[int, Ge(1), Le(65535)]
