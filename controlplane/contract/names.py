"""Owns the spelling of names and ids: what is admitted at every door, in the file, the API and Consul."""

import re

NAME_RULE = "a lower-case letter, then up to 62 lower-case letters, digits or hyphens"
INSTANCE_ID_RULE = "a letter or digit, then up to 127 letters, digits, dots, underscores, colons or hyphens"

_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}\Z")
_INSTANCE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}\Z")


def is_name(text: str) -> bool:
    """Whether `text` may name a region, vantage, service, check, group, switch or playbook."""
    return _NAME.match(text) is not None


def is_instance_id(text: str) -> bool:
    """Whether `text` may identify an instance."""
    return _INSTANCE_ID.match(text) is not None
