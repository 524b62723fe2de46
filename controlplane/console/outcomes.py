"""Owns where a person goes after an act: always on to another page, so that a reload never acts twice."""

from urllib.parse import urlencode

from starlette.responses import RedirectResponse

from controlplane.application.results import Done, Refused, Result


class ActRefused(Exception):
    """Nothing has changed; the page that asked shows why, with everything that was typed."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.text)
        self.code = refused.code
        self.text = refused.text


def onwards(result: Result, page: str) -> RedirectResponse:
    """To the page that shows what becomes of the change: it looks the change up and believes no address.

    Raises:
        ActRefused: the act was refused.
    """
    if isinstance(result, Refused):
        raise ActRefused(result)
    address = f"{page}?{urlencode({'change': result.change_id})}" if _is_followed(result) else page
    return RedirectResponse(address, 303)


def _is_followed(result: Result) -> bool:
    """Whether there is a change to look at: a restraint, for one, publishes none."""
    return not isinstance(result, Done) or result.revision is not None
