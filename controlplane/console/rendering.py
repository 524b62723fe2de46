"""Owns how a page is drawn: the templates, and the frame around each of them."""

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from controlplane.application.doors import Doors
from controlplane.console.assets import web_root
from controlplane.console.frame import frame, theme_of
from controlplane.console.masks import masked
from controlplane.console.texts import gettext, ngettext
from controlplane.console.visitors import Visitor


class Renderer:
    """Draws pages. Every value is escaped, a missing one is an error."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._templates = templates()

    def page(
        self, request: Request, template: str, *, visitor: Visitor, status_code: int = 200, **values: object
    ) -> HTMLResponse:
        """A page in its frame, for somebody who is logged in."""
        picture = frame(self._doors, path=request.url.path)
        return self._answer(
            request, template, status_code, visitor=visitor, frame=picture, here=_here(request), **values
        )

    def bare(
        self, request: Request, template: str, *, status_code: int = 200, **values: object
    ) -> HTMLResponse:
        """A page without a frame, for anybody: it shows nothing of what is known here."""
        return self._answer(request, template, status_code, visitor=None, frame=None, **values)

    def _answer(self, request: Request, template: str, status_code: int, **values: object) -> HTMLResponse:
        text = self._templates.get_template(template).render(theme=theme_of(request), **values)
        return HTMLResponse(text, status_code)


def templates() -> Environment:
    """The templates: every value is escaped, a missing one is an error."""
    environment = Environment(
        loader=FileSystemLoader(web_root() / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["masked"] = masked
    environment.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]
    return environment


def _here(request: Request) -> str:
    """The address of this page, for the link that loads it anew."""
    return f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path
