"""Owns the addresses of users and tokens: who may come in, for admins alone."""

from typing import Annotated, Literal, Self

from fastapi import Path
from pydantic import Field, SecretStr, model_validator

from controlplane.api.access import Admin
from controlplane.api.context import DoorsGiven
from controlplane.api.inputs import Body, Name
from controlplane.api.problems import described
from controlplane.api.schemas.people import (
    NewTokenAnswer,
    RemovedAnswer,
    TokenAnswer,
    TokensAnswer,
    UserAnswer,
    UsersAnswer,
)
from controlplane.api.versioned import versioned
from controlplane.application.accounts import PASSWORD_CHARACTERS_MIN
from controlplane.application.people import PASSWORD_CHARACTERS_MAX
from controlplane.application.ports import User

router = versioned("people")

Password = Annotated[SecretStr, Field(min_length=PASSWORD_CHARACTERS_MIN, max_length=PASSWORD_CHARACTERS_MAX)]
UserInPath = Annotated[Name, Path(description="Name of the user.")]
TokenInPath = Annotated[Name, Path(description="Name of the token's holder.")]


class UserBody(Body):
    """What somebody may do, and how they log in."""

    role: Literal["viewer", "operator", "admin"]
    """Each includes the ones before it."""
    password: Password | None = None
    """Absent: they keep the one they have."""


class TokenBody(Body):
    """Which token to make."""

    name: Name
    """Who holds it; a former token of that name ends."""
    role: Literal["viewer", "operator", "admin", "prober"]
    """What it may do."""
    vantage: Name | None = None
    """Of a prober: the vantage that it reports for."""

    @model_validator(mode="after")
    def _of_a_vantage_if_a_prober(self) -> Self:
        if (self.role == "prober") is (self.vantage is None):
            raise ValueError("`vantage` goes with the role `prober`, and with it only")
        return self


@router.get("/users", response_model=UsersAnswer, responses=described(503))
async def users(doors: DoorsGiven, _: Admin) -> UsersAnswer:
    """Everybody who may log in."""
    found = await doors.accounts.all_users()
    return UsersAnswer(users=[UserAnswer.model_validate(user) for user in found])


@router.put("/users/{user}", response_model=UserAnswer, responses=described(404, 503))
async def put_user(user: UserInPath, body: UserBody, doors: DoorsGiven, admin: Admin) -> User:
    """Let somebody log in, or give them another role or password, which ends their sessions."""
    password = body.password.get_secret_value() if body.password else None
    return await doors.accounts.put_user(user, role=body.role, password=password, by=admin.name)


@router.delete("/users/{user}", response_model=RemovedAnswer, responses=described(404, 503))
async def remove_user(user: UserInPath, doors: DoorsGiven, admin: Admin) -> RemovedAnswer:
    """Let somebody log in no more; their sessions end."""
    await doors.accounts.remove_user(user, by=admin.name)
    return RemovedAnswer(name=user)


@router.get("/tokens", response_model=TokensAnswer, responses=described(503))
async def tokens(doors: DoorsGiven, _: Admin) -> TokensAnswer:
    """Every token, without its secret; those of processes that `serve` started are not among them."""
    found = await doors.accounts.all_tokens()
    return TokensAnswer(tokens=[TokenAnswer.model_validate(token) for token in found])


@router.post("/tokens", response_model=NewTokenAnswer, status_code=201, responses=described(503))
async def create_token(body: TokenBody, doors: DoorsGiven, admin: Admin) -> NewTokenAnswer:
    """Make a token and tell its secret, once."""
    secret = await doors.accounts.create_token(body.name, role=body.role, vantage=body.vantage, by=admin.name)
    return NewTokenAnswer(name=body.name, role=body.role, vantage=body.vantage, token=secret)


@router.delete("/tokens/{token}", response_model=RemovedAnswer, responses=described(404, 503))
async def revoke_token(token: TokenInPath, doors: DoorsGiven, admin: Admin) -> RemovedAnswer:
    """Let the holder of a token in no more."""
    await doors.accounts.revoke_token(token, by=admin.name)
    return RemovedAnswer(name=token)
