"""Owns sessions: what a browser carries to stay logged in, until when it counts, and what its forms carry.

A session is signed text, so that any replica with the same key knows it and none has to keep it. It has a new
random id at each log-in, so that nobody can plant one. The token of a form is the session's id, signed for
that purpose: a form that another site sends has none, and one of another session does not fit.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace

from controlplane.application.ports import Clock, Identifiers, Signer, User

SESSION_SECONDS_MAX = 12 * 3600
"""From the log-in: then everybody logs in again."""
IDLE_SECONDS_MAX = 2 * 3600
"""Without a page."""
RENEWAL_SECONDS = 60
"""How old the last use must be before a page writes it down again."""
ENTRANCE_SECONDS_MAX = 3600
"""How long a log-in form may stand open."""
CLOCK_SKEW_SECONDS_MAX = 60
"""How far another replica's clock may be ahead of ours."""
ENDED_SESSIONS_MAX = 10_000
"""Logged-out ones that are remembered; the oldest are forgotten first."""

_SEPARATOR = ":"


@dataclass(frozen=True, slots=True)
class Session:
    """One log-in of one person in one browser."""

    name: str
    id: str
    epoch: str
    """Of the user at the log-in."""
    began: int
    """Seconds since 1970."""
    used: int
    """Seconds since 1970; at the last renewal."""


@dataclass(frozen=True, slots=True)
class Entrance:
    """What binds a log-in form to the browser that asked for it."""

    cookie: str
    form_token: str


class Sessions:
    """Begins, reads, renews and ends sessions."""

    def __init__(self, signer: Signer, clock: Clock, identifiers: Identifiers, *, secure: bool) -> None:
        """Prepare; `secure` says that browsers reach us through TLS alone."""
        self._signer = signer
        self._clock = clock
        self._identifiers = identifiers
        self._ended: OrderedDict[str, None] = OrderedDict()
        self.secure = secure
        prefix = "__Host-" if secure else ""
        self.cookie_name = f"{prefix}controlplane-session"
        self.entrance_cookie_name = f"{prefix}controlplane-entrance"

    def begin(self, user: User) -> Session:
        """A session that nobody has had before."""
        now = self._now()
        return Session(user.name, self._identifiers.secret(), user.epoch, began=now, used=now)

    def read(self, cookies: Mapping[str, str]) -> Session | None:
        """The session that a browser carries; None where it has none that counts."""
        text = self._signer.read(cookies.get(self.cookie_name, ""), purpose="session")
        if text is None:
            return None
        name, identifier, epoch, began, used = text.split(_SEPARATOR)
        session = Session(name, identifier, epoch, began=int(began), used=int(used))
        return session if self._counts(session) else None

    def write(self, session: Session) -> str:
        """The value of the session's cookie."""
        parts = (session.name, session.id, session.epoch, str(session.began), str(session.used))
        return self._signer.sign(_SEPARATOR.join(parts), purpose="session")

    def renewal(self, session: Session) -> str | None:
        """Its cookie as used now; None while that of the browser is fresh enough, or where it ended."""
        now = self._now()
        if now - session.used < RENEWAL_SECONDS or session.id in self._ended:
            return None
        return self.write(replace(session, used=now))

    def end(self, session: Session) -> None:
        """It counts no more on this replica, whoever kept its cookie."""
        self._ended[session.id] = None
        while len(self._ended) > ENDED_SESSIONS_MAX:
            self._ended.popitem(last=False)

    def form_token(self, session: Session) -> str:
        """What every form of this session carries."""
        return self._signer.sign(session.id, purpose="form")

    def entrance(self, cookies: Mapping[str, str]) -> Entrance | None:
        """That of the browser's log-in form; None where it has none, or not of late."""
        cookie = cookies.get(self.entrance_cookie_name, "")
        text = self._signer.read(cookie, purpose="entrance")
        if text is None:
            return None
        identifier, _, began = text.partition(_SEPARATOR)
        if not self._within(int(began), ENTRANCE_SECONDS_MAX):
            return None
        return Entrance(cookie, self._signer.sign(identifier, purpose="entrance form"))

    def new_entrance(self) -> Entrance:
        """One for a browser that has none."""
        identifier = self._identifiers.secret()
        cookie = self._signer.sign(f"{identifier}{_SEPARATOR}{self._now()}", purpose="entrance")
        return Entrance(cookie, self._signer.sign(identifier, purpose="entrance form"))

    def _counts(self, session: Session) -> bool:
        return (
            session.id not in self._ended
            and self._within(session.began, SESSION_SECONDS_MAX)
            and self._within(session.used, IDLE_SECONDS_MAX)
        )

    def _within(self, since: int, seconds_max: int) -> bool:
        return -CLOCK_SKEW_SECONDS_MAX <= self._now() - since < seconds_max

    def _now(self) -> int:
        return int(self._clock.now().timestamp())
