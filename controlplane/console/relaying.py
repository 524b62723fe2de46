"""Owns how a form reaches the leader: handed on once, with the visitor's own session, and told truly.

The leader's console judges the very form of the page as if it had been sent there. It knows the session only
where both replicas sign with the same key.
"""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends, Request
from starlette.responses import Response

from controlplane.application.doors import NotLeading
from controlplane.application.ports import Relay, RelayNotSent, RelayUnanswered
from controlplane.application.ports.relay import FORWARDED_HEADER, RelayedAnswer, RelayedRequest
from controlplane.console.context import DoorsGiven
from controlplane.console.forms import Form
from controlplane.console.refusals import PageRefused
from controlplane.console.texts import gettext as _
from controlplane.console.ways import own_page

_PASSED_ON = ("content-type", "cookie", "host", "origin", "sec-fetch-site")
"""Who is asking, and by what the leader sees that a page of ours asked."""
_NOT_ADMITTED = frozenset({401, 403})


@dataclass(frozen=True, slots=True)
class Leader:
    """The leader, as a page that is not the leader's reaches it."""

    relay: Relay
    request: Request

    async def look(self, form: Form, elsewhere: NotLeading) -> Response:
        """Ask it for a page that changes nothing.

        Raises:
            PageRefused: it is not reachable, or does not know the session.
        """
        try:
            return _passed_on(await self._ask(form, elsewhere))
        except RelayUnanswered as error:
            raise _unreachable(
                _("It was asked and did not answer (%s). Nothing was done.") % error
            ) from error

    async def act(self, form: Form, elsewhere: NotLeading) -> Response:
        """Ask it to do what the form says.

        Raises:
            PageRefused: it is not reachable or does not know the session, and nothing was done; or it did not
                answer, and what becomes of the act is unknown.
        """
        try:
            return _passed_on(await self._ask(form, elsewhere))
        except RelayUnanswered as error:
            text = _(
                "The leader was asked and did not answer (%s). The act may still take effect. Look at the "
                "group and its history before you repeat it; the same form sent again does it once only."
            )
            raise PageRefused(503, _("Unknown: it may still take effect"), text % error) from error

    async def _ask(self, form: Form, elsewhere: NotLeading) -> RelayedAnswer:
        if elsewhere.leader_api is None:
            raise _unreachable(_("Nobody leads at the moment; a new leader takes over within seconds."))
        if FORWARDED_HEADER in self.request.headers:
            raise _unreachable(
                _("The replica that was named as the leader does not lead any more; ask again.")
            )
        try:
            return await self.relay.ask(elsewhere.leader_api, self._relayed(form))
        except RelayNotSent as error:
            raise _unreachable(f"{elsewhere.leader_api}: {error}. " + _("Nothing was done.")) from error

    def _relayed(self, form: Form) -> RelayedRequest:
        headers = self.request.headers
        return RelayedRequest(
            method=self.request.method,
            path=self.request.url.path,
            headers={name: headers[name] for name in _PASSED_ON if name in headers},
            body=urlencode(form.fields, doseq=True).encode(),
            trace_id=self.request.state.trace_id,
        )


async def _leader(request: Request, doors: DoorsGiven) -> Leader:
    return Leader(doors.relay, request)


LeaderGiven = Annotated[Leader, Depends(_leader)]


def _passed_on(answer: RelayedAnswer) -> Response:
    """The leader's page, or the way it sends the visitor: on this replica, never elsewhere."""
    if answer.status_code in _NOT_ADMITTED:
        text = _(
            "The leader does not accept this session, so nothing was done. Replicas know each other's "
            "sessions only where CONTROLPLANE_SECRET_KEY is set to the same value on all of them. "
            "Log in on the leader, or use the command line with a token."
        )
        raise PageRefused(503, _("The leader does not know your session"), text)
    response = Response(answer.body, answer.status_code, media_type=answer.headers.get("content-type"))
    if "location" in answer.headers:
        response.headers["Location"] = own_page(answer.headers["location"])
    return response


def _unreachable(text: str) -> PageRefused:
    return PageRefused(503, _("The leader is unreachable"), text)
