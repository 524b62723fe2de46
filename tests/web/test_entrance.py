"""The way in and out: who gets in, what strangers see, and which forms are believed."""

import re
from collections.abc import AsyncIterator
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.routing import Mount

from controlplane.api.app import create_app
from controlplane.application.attempts import PER_NAME
from controlplane.application.sessions import RENEWAL_SECONDS
from controlplane.console.app import _PAGES, console_routes
from controlplane.console.forms import FIELDS_MAX, FORM_BYTES_MAX, FormGiven
from controlplane.console.visitors import OperatorGiven, VisitorGiven
from controlplane.console.ways import PATH_CHARACTERS_MAX
from tests.fakes.clock import FakeClock
from tests.fakes.doors import FakeDoors
from tests.fakes.people import PASSWORD, FakePeople
from tests.web.visiting import hidden

HERE = "http://console.example"
SESSION = "controlplane-session"
acting = APIRouter()


@acting.post("/act")
async def act(visitor: OperatorGiven, form: FormGiven) -> dict[str, object]:
    """What every page that acts asks for."""
    return {"by": visitor.name, "reason": form.one("reason"), "steps": form.all("step")}


@acting.get("/look")
async def look(visitor: VisitorGiven) -> dict[str, str]:
    """What every page that only shows asks for."""
    return {"name": visitor.name, "role": visitor.role}


def application(fakes: FakeDoors, address: str = HERE) -> FastAPI:
    pages = console_routes(fakes.doors(), clock=FakeClock())
    (console,) = [page.app for page in pages if isinstance(page, Mount) and page.name == "console"]
    assert isinstance(console, FastAPI)
    console.include_router(acting)
    return create_app(fakes.doors(), clock=FakeClock(), public_url=address, pages=pages)


@pytest.fixture
async def browser(fakes: FakeDoors) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that nobody has logged in with; it follows no redirect by itself."""
    transport = httpx.ASGITransport(application(fakes), client=("192.0.2.7", 4711))
    async with httpx.AsyncClient(transport=transport, base_url=HERE) as client:
        yield client


async def log_in(
    browser: httpx.AsyncClient, name: str = "a-viewer", password: str = PASSWORD, after: str = "/"
) -> httpx.Response:
    """Open the form, fill it in, send it."""
    page = (await browser.get("/login", params={"next": after})).text
    fields = {"csrf": hidden(page, "csrf"), "next": hidden(page, "next"), "name": name, "password": password}
    return await browser.post("/login", data=fields)


async def form_of(browser: httpx.AsyncClient) -> dict[str, str]:
    """What a form on a page carries."""
    return {"csrf": hidden((await browser.get("/")).text, "csrf"), "reason": "INC-1"}


# Getting in


async def test_the_right_password_leads_to_the_page_that_was_wanted(browser: httpx.AsyncClient):
    """Post, redirect, get: and the page says who is logged in."""
    sent_away = await browser.get("/?range=6h&q=a%26b")
    assert (sent_away.status_code, sent_away.text) == (303, "")
    wanted = parse_qs(urlsplit(sent_away.headers["location"]).query)["next"][0]

    admitted = await log_in(browser, after=wanted)

    assert (admitted.status_code, admitted.headers["location"]) == (303, "/?range=6h&q=a%26b")
    page = await browser.get(admitted.headers["location"])
    assert page.status_code == 200
    assert "a-viewer" in page.text


async def test_the_session_cookie_is_kept_from_scripts_and_other_sites(browser: httpx.AsyncClient):
    """HttpOnly, SameSite=Lax, the whole site; the cookie of the form is taken back."""
    cookies = (await log_in(browser)).headers.get_list("set-cookie")

    session, entrance = cookies
    assert session.startswith(f"{SESSION}=a-viewer:")
    assert session.endswith("; HttpOnly; Path=/; SameSite=lax")
    assert entrance.startswith('controlplane-entrance=""')
    assert "Max-Age=0" in entrance


async def test_behind_tls_the_cookies_are_secure_and_of_this_host_alone(fakes: FakeDoors):
    """`__Host-` and `Secure`, on the form as on the session."""
    fakes.people = FakePeople(FakeClock(), secure=True)
    transport = httpx.ASGITransport(application(fakes, "https://console.example"))
    async with httpx.AsyncClient(transport=transport, base_url="https://console.example") as browser:
        form = (await browser.get("/login")).headers["set-cookie"]
        session = (await log_in(browser)).headers.get_list("set-cookie")[0]

    for cookie in (form, session):
        assert cookie.startswith("__Host-controlplane-")
        assert "; Secure" in cookie
        assert "Domain" not in cookie


async def test_each_log_in_gives_a_new_session(browser: httpx.AsyncClient, fakes: FakeDoors):
    """A cookie that somebody planted is not what the visitor is logged in with."""
    planted = fakes.people.cookies("viewer")
    browser.cookies.set(SESSION, planted[SESSION])
    browser.cookies.clear()
    await log_in(browser)
    first = browser.cookies[SESSION]
    browser.cookies.delete(SESSION)
    await log_in(browser)

    assert len({planted[SESSION], first, browser.cookies[SESSION]}) == 3


@pytest.mark.parametrize(("name", "password"), [("a-viewer", "wrong"), ("nobody", PASSWORD), ("", "")])
async def test_what_is_wrong_is_not_told_apart(browser: httpx.AsyncClient, name: str, password: str):
    """Unknown names and wrong passwords get the same page, and no session."""
    response = await log_in(browser, name, password)

    assert response.status_code == 403
    assert "Name or password is wrong." in response.text
    assert SESSION not in browser.cookies


async def test_a_password_is_never_sent_back(browser: httpx.AsyncClient):
    """The name stays in the form, as text; the password does not."""
    response = await log_in(browser, '"><script>alert(1)</script>', "typed-secret")

    assert "typed-secret" not in response.text
    assert "<script>alert" not in response.text
    assert "&lt;script&gt;alert" in response.text


async def test_too_many_attempts_are_told_to_wait(browser: httpx.AsyncClient):
    """429, with how long in words and in a header; the right password has to wait, too."""
    for _ in range(PER_NAME.burst):
        assert (await log_in(browser, password="wrong")).status_code == 403

    response = await log_in(browser)

    assert (response.status_code, response.headers["retry-after"]) == (429, "30")
    assert "Try again in 30 s." in response.text


async def test_known_users_log_in_while_postgresql_is_away(browser: httpx.AsyncClient, fakes: FakeDoors):
    """An outage of the database is when people need the console."""
    fakes.people.users.away = True

    assert (await log_in(browser)).status_code == 303
    assert (await browser.get("/")).status_code == 200


async def test_who_is_logged_in_already_goes_on(browser: httpx.AsyncClient):
    """The log-in page is for those who need it."""
    await log_in(browser)

    response = await browser.get("/login?next=/look")

    assert (response.status_code, response.headers["location"]) == (303, "/look")


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https://evil.example",
        "https:evil.example",
        "javascript:alert(1)",
        "evil.example",
        "/\t/evil.example",
        "\t//evil.example",
        " //evil.example",
        "/\n/evil.example",
        "/look\r\nSet-Cookie: a=b",
        "",
        "/login?next=/login",
        "/logout",
        "/" + "x" * PATH_CHARACTERS_MAX,
    ],
)
async def test_nobody_is_sent_to_another_site(browser: httpx.AsyncClient, path: str):
    """Whatever `next` says, in the address or in the form, the way leads to a page of ours."""
    page = (await browser.get(f"/login?next={quote(path)}")).text
    assert hidden(page, "next") == "/"
    fields = {"csrf": hidden(page, "csrf"), "next": path, "name": "a-viewer", "password": PASSWORD}

    assert (await browser.post("/login", data=fields)).headers["location"] == "/"
    assert (await browser.get(f"/login?next={quote(path)}")).headers["location"] == "/"


# Strangers


@pytest.mark.parametrize("path", ["/", "/look", "/look?q=checkout"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_strangers_are_shown_nothing(browser: httpx.AsyncClient, method: str, path: str):
    """A page without a session is an empty answer that leads to the log-in."""
    response = await browser.request(method, path)

    assert response.status_code in {303, 405}
    assert "checkout" not in response.text.replace("q=checkout", "")
    if response.status_code == 303:
        wanted = {} if path == "/" else {"next": [path]}
        assert urlsplit(response.headers["location"]).path == "/login"
        assert parse_qs(urlsplit(response.headers["location"]).query) == wanted


async def test_the_log_in_page_tells_nothing_of_the_fleet(browser: httpx.AsyncClient):
    """No name, no number, no version."""
    page = (await browser.get("/login")).text

    assert not re.search("checkout|us-east|instances", page)


@pytest.mark.parametrize("cookie", ["", "x", "a-viewer", "a-viewer:id:epoch-viewer:0:0.00", '"a;b"'])
async def test_a_made_up_cookie_is_nobodys(browser: httpx.AsyncClient, cookie: str):
    """Forged and spoiled cookies lead to the log-in."""
    response = await browser.get("/look", headers={"Cookie": f"{SESSION}={cookie}"})

    assert response.status_code == 303


async def test_a_tampered_cookie_raises_nobody(browser: httpx.AsyncClient):
    """Another name in a signed cookie is a broken signature."""
    await log_in(browser)
    tampered = browser.cookies[SESSION].replace("a-viewer", "a-admin").replace("epoch-viewer", "epoch-admin")

    assert (await browser.get("/look", headers={"Cookie": f"{SESSION}={tampered}"})).status_code == 303


async def test_a_removed_user_is_out_with_the_next_request(browser: httpx.AsyncClient, fakes: FakeDoors):
    """So is somebody whose role has changed, and says so by sending them to the log-in."""
    await log_in(browser)
    await fakes.people.accounts.remove_user("a-viewer", by="root")

    assert (await browser.get("/look")).status_code == 303


async def test_a_session_in_use_is_written_down_again(browser: httpx.AsyncClient, fakes: FakeDoors):
    """Pages renew it, at most once a minute, until its absolute end."""
    clock = FakeClock()
    fakes.people.sessions._clock = clock
    await log_in(browser)
    assert "set-cookie" not in (await browser.get("/look")).headers
    clock.start = clock.start.replace(minute=clock.start.minute + RENEWAL_SECONDS // 60)

    renewed = (await browser.get("/look")).headers["set-cookie"]

    assert renewed.startswith(f"{SESSION}=a-viewer:")
    assert "HttpOnly" in renewed
    assert "set-cookie" not in (await browser.get("/look")).headers


# Getting out


async def test_logging_out_ends_the_session_whoever_kept_its_cookie(browser: httpx.AsyncClient):
    """The browser forgets it, and it counts no more."""
    await log_in(browser)
    kept = browser.cookies[SESSION]

    response = await browser.post("/logout", data=await form_of(browser))

    assert (response.status_code, response.headers["location"]) == (303, "/login")
    assert SESSION not in browser.cookies
    assert (await browser.get("/look", headers={"Cookie": f"{SESSION}={kept}"})).status_code == 303


async def test_nobody_is_logged_out_by_a_link_or_another_site(browser: httpx.AsyncClient):
    """A GET does nothing, a form without our token neither."""
    await log_in(browser)

    assert (await browser.get("/logout")).status_code == 405
    assert (await browser.post("/logout")).status_code == 415
    assert (await browser.post("/logout", data={"csrf": ""})).status_code == 403
    assert (await browser.get("/look")).status_code == 200


# Forms


async def test_a_form_of_ones_own_page_is_believed(browser: httpx.AsyncClient):
    """Its fields arrive as they were filled in, without spaces around them."""
    await log_in(browser, "a-operator")
    fields = await form_of(browser) | {"reason": "  INC-1 過負荷 + 100 % ", "step": ["one", "two"]}

    response = await browser.post("/act", data=fields)

    assert response.json() == {"by": "a-operator", "reason": "INC-1 過負荷 + 100 %", "steps": ["one", "two"]}


async def test_a_viewer_cannot_act(browser: httpx.AsyncClient):
    """A page says which role is wanted and which one they have."""
    await log_in(browser, "a-viewer")

    response = await browser.post("/act", data=await form_of(browser))

    assert response.status_code == 403
    assert "needs the role operator" in response.text
    assert "a-viewer, viewer" in response.text


@pytest.mark.parametrize("role", ["operator", "viewer"])
@pytest.mark.parametrize("token", ["missing", "empty", "wrong", "another session's", "the log-in form's"])
async def test_a_form_without_the_token_of_its_session_changes_nothing(
    browser: httpx.AsyncClient, fakes: FakeDoors, token: str, role: str
):
    """Missing, wrong or somebody else's: a page that says so, before a field is used."""
    entrance = hidden((await browser.get("/login")).text, "csrf")
    await log_in(browser, f"a-{role}")
    other = fakes.people.door.visit(fakes.people.cookies(role))
    assert other
    tokens = {"empty": "", "wrong": "é", "another session's": other.form_token, "the log-in form's": entrance}
    fields = {"reason": "INC-1"} | ({} if token == "missing" else {"csrf": tokens[token]})

    response = await browser.post("/act", data=fields)

    assert response.status_code == 403
    assert "Nothing has changed" in response.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "anything", "Origin": HERE},
        {"Origin": "https://evil.example"},
        {"Origin": f"{HERE}.evil.example"},
        {"Origin": f"{HERE}:8600"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://[bad"},
    ],
    ids=str,
)
async def test_a_form_of_another_site_is_refused_even_with_the_right_token(
    browser: httpx.AsyncClient, headers: dict[str, str]
):
    """What the browser says of its origin comes first, at the log-in as well."""
    entrance = {"csrf": hidden((await browser.get("/login")).text, "csrf"), "name": "a-operator"}
    logging_in = await browser.post("/login", data=entrance | {"password": PASSWORD}, headers=headers)
    await log_in(browser, "a-operator")
    response = await browser.post("/act", data=await form_of(browser), headers=headers)

    assert [logging_in.status_code, response.status_code] == [403, 403]
    assert "came from another site" in response.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-origin", "Origin": "https://behind.a.proxy"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": HERE},
        {},
    ],
    ids=str,
)
async def test_browsers_old_and_new_may_send_our_forms(browser: httpx.AsyncClient, headers: dict[str, str]):
    """The newer header is believed before the older one; without either the token decides."""
    await log_in(browser, "a-operator")

    assert (await browser.post("/act", data=await form_of(browser), headers=headers)).status_code == 200


@pytest.mark.parametrize("fields", [{"csrf": "wrong"}, {}, {"csrf": "é"}])
async def test_a_log_in_form_of_another_browser_is_refused_and_offered_anew(
    browser: httpx.AsyncClient, fields: dict[str, str]
):
    """Nobody is logged in as somebody else without noticing; the name is kept."""
    await browser.get("/login")

    response = await browser.post("/login", data=fields | {"name": "a-viewer", "password": PASSWORD})

    assert response.status_code == 403
    assert "This form had expired" in response.text
    assert hidden(response.text, "csrf")
    assert 'value="a-viewer"' in response.text
    assert SESSION not in browser.cookies


async def test_without_cookies_nobody_gets_in(browser: httpx.AsyncClient):
    """The page says what is missing."""
    page = (await browser.get("/login")).text
    browser.cookies.clear()
    fields = {"csrf": hidden(page, "csrf"), "name": "a-viewer", "password": PASSWORD}

    response = await browser.post("/login", data=fields)

    assert response.status_code == 403
    assert "keeps no cookies" in response.text


async def test_an_act_after_the_session_has_ended_says_so(browser: httpx.AsyncClient):
    """What was filled in is not silently lost on a redirect."""
    response = await browser.post("/act", data={"reason": "INC-1"})

    assert response.status_code == 403
    assert "Your session has ended. Nothing has changed" in response.text


@pytest.mark.parametrize(
    ("content", "status_code"),
    [
        (b"csrf=" + b"x" * FORM_BYTES_MAX, 413),
        (b"&".join(b"a=b" for _ in range(FIELDS_MAX + 1)), 400),
        (b"reason=\xff", 400),
        (b"reason=%ff", 400),
    ],
    ids=["too large", "too many fields", "raw bytes", "no UTF-8"],
)
async def test_a_form_is_bounded_and_readable(browser: httpx.AsyncClient, content: bytes, status_code: int):
    """Whatever arrives, it ends in a page and not in memory."""
    await log_in(browser, "a-operator")
    headers = {"Content-Type": "application/x-www-form-urlencoded"}

    response = await browser.post("/act", content=content, headers=headers)

    assert response.status_code == status_code
    assert response.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "multipart/form-data; boundary=x", ""])
async def test_only_forms_are_forms(browser: httpx.AsyncClient, kind: str):
    """Media types that another site may send without asking are refused."""
    await log_in(browser, "a-operator")

    response = await browser.post("/act", content=b"csrf=x", headers={"Content-Type": kind})

    assert response.status_code == 415


async def test_a_role_of_a_later_version_may_look_at_nothing(browser: httpx.AsyncClient, fakes: FakeDoors):
    """A role that this version does not know has no rank at all."""
    await fakes.people.accounts.put_user("a-viewer", role="auditor", password=None, by="root")
    await log_in(browser)

    response = await browser.get("/look")

    assert response.status_code == 403
    assert "needs the role viewer" in response.text


# Every page


NAMES = {
    "group": "checkout",
    "service": "payments",
    "switch": "new-ui",
    "name": "checkout",
    "policy": "adopt",
    "revision": "1",
    "form": "csv",
    "kind": "failover",
    "position": "1",
}


def addresses(method: str) -> list[str]:
    """Every address of the console for a method, its names filled in with ones that exist."""
    routes = [route for page in _PAGES for route in page.router.routes if isinstance(route, APIRoute)]
    return [
        re.sub(r"\{(\w+)(:\w+)?\}", lambda part: NAMES[part.group(1)], route.path)
        for route in routes
        if method in (route.methods or ()) and route.path != "/login"
    ]


async def test_no_page_is_left_out(browser: httpx.AsyncClient):
    """Every page leads a stranger to the log-in and shows nothing, whether what it names exists or not."""
    pages = addresses("GET")
    assert len(pages) > 3

    for path in pages:
        for asked in (path, path.replace("checkout", "nothing").replace("payments", "nothing")):
            response = await browser.get(asked)
            assert (response.status_code, response.text) == (303, ""), asked
            assert response.headers["location"].startswith("/login"), asked


async def test_no_form_is_left_out(browser: httpx.AsyncClient, fakes: FakeDoors):
    """Every form refuses strangers, other sites and tokens of nobody; viewers may do no more than log out."""
    forms = addresses("POST")
    assert "/logout" in forms

    for path in forms:
        assert (await browser.post(path, data={"reason": "INC-1"})).status_code == 403, path
    await log_in(browser, "a-operator")
    for path in forms:
        assert (await browser.post(path, data={"csrf": "wrong"})).status_code == 403, path
        foreign = await form_of(browser)
        response = await browser.post(path, data=foreign, headers={"Sec-Fetch-Site": "cross-site"})
        assert response.status_code == 403, path
    await browser.post("/logout", data=await form_of(browser))
    await log_in(browser, "a-viewer")
    for path in forms:
        if path != "/logout":
            assert (await browser.post(path, data=await form_of(browser))).status_code == 403, path
    asked = [fakes.operations.asked, fakes.switches.asked]
    assert asked == [[], []]
