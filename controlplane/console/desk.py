"""Owns what an operator's act is taken at: the request, the doors, who acts, and the pages that are shown."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from starlette.responses import HTMLResponse

from controlplane.application.doors import Doors
from controlplane.application.results import Act
from controlplane.console.context import DoorsGiven, RendererGiven, act
from controlplane.console.rendering import Renderer
from controlplane.console.typed import KEY_CHARACTERS_MAX
from controlplane.console.visitors import OperatorGiven, Visitor


@dataclass(frozen=True, slots=True)
class Desk:
    """One request of an operator."""

    request: Request
    doors: Doors
    renderer: Renderer
    visitor: Visitor

    def page(self, template: str, *, status_code: int = 200, **values: object) -> HTMLResponse:
        """A page for them."""
        return self.renderer.page(
            self.request, template, visitor=self.visitor, status_code=status_code, **values
        )

    def act(self, reason: str, key: str) -> Act:
        """What their act carries; `key` is its idempotency key, empty where the form had none."""
        return act(self.request, self.visitor, reason, key=key[:KEY_CHARACTERS_MAX] or None)


async def _desk(request: Request, doors: DoorsGiven, renderer: RendererGiven, visitor: OperatorGiven) -> Desk:
    return Desk(request, doors, renderer, visitor)


DeskGiven = Annotated[Desk, Depends(_desk)]
