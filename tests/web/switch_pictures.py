"""Switches of two services, as the application would show them: one degraded, one with a foreign edit."""

from dataclasses import replace

from controlplane.application.switch_views import (
    DriftView,
    OverrideView,
    ServiceSwitchesView,
    SwitchChangeView,
    SwitchesView,
    SwitchView,
)
from tests.web.pictures import AS_OF

FLIP = SwitchChangeView(
    id="change-42",
    kind="flip",
    by="alice",
    reason="INC-4821 shed recommendation load",
    at="2026-01-12T09:31:07.412Z",
    playbook=None,
)
APPLY = replace(FLIP, id="change-1", kind="apply", by="controlplane", reason="definitions are at revision 3")

RECOMMENDATIONS = SwitchView(
    name="recommendations",
    type="bool",
    state="degraded",
    value=False,
    normal=True,
    percent=25,
    expires_at="2026-01-12T11:31:07.000Z",
    regions=(),
    degraded=False,
    declared=True,
    grade="non-core",
    owner="growth",
    description="Related products on the cart page",
    waiting=None,
    changed=FLIP,
    value_key="controlplane/values/switches/checkout/recommendations",
)
SEARCH_DEPTH = replace(
    RECOMMENDATIONS,
    name="search-depth",
    type="int",
    state="normal",
    value=3,
    normal=3,
    percent=100,
    expires_at=None,
    regions=(OverrideView("eu-west", "degraded", 1, None),),
    degraded=1,
    owner="search",
    description="How many pages are searched",
    waiting="normal 5 instead of 3 holds once it is restored",
    changed=None,
    value_key="controlplane/values/switches/checkout/search-depth",
)
CHECKOUT = ServiceSwitchesView(
    service="checkout",
    revision=42,
    change=FLIP,
    switches=(RECOMMENDATIONS, SEARCH_DEPTH),
    drift=None,
    unsettled=False,
    document_key="controlplane/switches/checkout",
)
PAYMENTS = ServiceSwitchesView(
    service="payments",
    revision=7,
    change=APPLY,
    switches=(
        replace(RECOMMENDATIONS, name="new-ui", state="normal", value=True, percent=100, expires_at=None),
    ),
    drift=DriftView("foreign_edit", "its bytes are not those of revision 7", "2026-01-12T09:30:00.000Z"),
    unsettled=True,
    document_key="controlplane/switches/payments",
)
UNPUBLISHED = ServiceSwitchesView(
    "search", None, None, (), None, unsettled=False, document_key="controlplane/switches/search"
)
SWITCHES = SwitchesView(AS_OF, (CHECKOUT, PAYMENTS, UNPUBLISHED))
