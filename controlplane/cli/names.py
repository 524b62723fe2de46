"""Owns names as they are typed: what cannot be a name is a mistake in the command."""

import typer

from controlplane.contract.names import NAME_RULE, is_name


def checked_name(text: str | None) -> str | None:
    """The name, for `callback=` of an argument or option; None where none was given.

    Raises:
        typer.BadParameter: it is no name.
    """
    if text is not None and not is_name(text):
        raise typer.BadParameter(f"{text!r} is no name; a name is {NAME_RULE}")
    return text
