"""Owns forms that arrive: whether they come from a page of ours, and what stands in them.

Where a form comes from is judged before a field of it is used: by what the browser says of its origin, which
no page can forge, and by the token that only our page could have put there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hmac import compare_digest
from typing import Annotated
from urllib.parse import parse_qs, urlsplit

from fastapi import Depends, Request
from starlette.requests import ClientDisconnect

from controlplane.console.masks import unmasked
from controlplane.console.refusals import PageRefused
from controlplane.console.texts import gettext as _
from controlplane.console.visitors import VisitorGiven

FORM_BYTES_MAX = 32 * 1024
FIELDS_MAX = 200
TOKEN_FIELD = "csrf"  # noqa: S105 - the name of the field

_MEDIA_TYPE = "application/x-www-form-urlencoded"
OWN_SITES = frozenset({"same-origin", "none"})
"""What browsers say of requests by pages of ours, and by the visitor directly."""


@dataclass(frozen=True, slots=True)
class Form:
    """What somebody filled in."""

    fields: Mapping[str, list[str]]

    def one(self, name: str) -> str:
        """The value of a field, without spaces around it; empty where it is absent."""
        return self.fields.get(name, [""])[0].strip()

    def all(self, name: str) -> list[str]:
        """Every value of a field that may be chosen more than once."""
        return self.fields.get(name, [])

    def raw(self, name: str) -> str:
        """The value of a field as it was typed, such as a password; empty where it is absent."""
        return self.fields.get(name, [""])[0]

    def carries(self, token: str) -> bool:
        """Whether this token stands in it, under whatever mask."""
        return compare_digest(unmasked(self.raw(TOKEN_FIELD)), token.encode())


async def read_form(request: Request) -> Form:
    """A form that a page of ours sent, as far as the browser can tell; its token is not compared yet.

    Raises:
        PageRefused: it comes from elsewhere, is too large, or is no form.
    """
    _check_origin(request)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _MEDIA_TYPE:
        raise PageRefused(415, _("Not understood"), _("This address takes forms of its own pages only."))
    body = await _body(request)
    try:
        text = body.decode("ascii")
        fields = parse_qs(text, keep_blank_values=True, errors="strict", max_num_fields=FIELDS_MAX)
    except ValueError as error:
        told = _("The form cannot be read. Nothing has changed.")
        raise PageRefused(400, _("Not understood"), told) from error
    return Form(fields)


async def _form(request: Request, visitor: VisitorGiven) -> Form:
    form = await read_form(request)
    if not form.carries(visitor.csrf):
        raise PageRefused(
            403,
            _("This form is not from your session"),
            _("It was opened in another session, or elsewhere. Nothing has changed: open the page anew."),
        )
    return form


FormGiven = Annotated[Form, Depends(_form)]
"""A form of the visitor's own session."""


def _check_origin(request: Request) -> None:
    """Browsers say which site sent a form: newer ones in one header, older ones in another.

    Raises:
        PageRefused: another site did.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        is_ours = site in OWN_SITES
    else:
        is_ours = origin is None or _host_of(origin) == request.headers.get("host")
    if not is_ours:
        raise PageRefused(
            403,
            _("This form came from another site"),
            _("Nothing has changed. If you followed a link, open the page here and act from it."),
        )


def _host_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc or None
    except ValueError:
        return None


async def _body(request: Request) -> bytes:
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > FORM_BYTES_MAX:
                text = _("A form has at most %d bytes. Nothing has changed.") % FORM_BYTES_MAX
                raise PageRefused(413, _("Too much"), text)
    except ClientDisconnect as error:
        raise PageRefused(400, _("Not understood"), _("The connection ended within the form.")) from error
    return bytes(body)
