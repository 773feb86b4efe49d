"""Any order of refreshes, retries, thefts, waits and logouts, against a model of the rules.

The invariant: a family never has two live refresh tokens.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import httpx
import pytest
from clock import OwnedClock
from factories import a_session, a_user, problem
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from ostiary.runtime import Runtime
from ostiary.sessions.tables import Family, RefreshToken, Session

WINDOW = timedelta(seconds=10)
IDLE, LIFETIME = timedelta(days=30), timedelta(days=90)

# What may happen next: the n-th newest of the tokens is presented, time goes by, or somebody
# signs out with the n-th newest. Weighted, so that most histories go on for a while.
STEPS = st.lists(
    st.sampled_from(
        [("present", 0)] * 8
        + [("present", 1), ("present", 2)] * 2
        + [("present", 3), ("logout", 0), ("logout", 1)]
        + [("wait", seconds) for seconds in (1, 5, 9, 10, 3600, 29 * 86_400, 31 * 86_400)]
    ),
    min_size=5,
    max_size=12,
)


@dataclass
class Model:
    """What the rules say of one family. Knows no database."""

    opened_at: datetime
    tokens: list[str]
    made_at: list[datetime] = field(default_factory=list)
    used_at: list[datetime] = field(default_factory=list)
    is_over: bool = False

    def expects(self, place: int, now: datetime) -> str:
        """What presenting the token at `place` brings: "next", "same" or "refused"."""
        newest = len(self.tokens) - 1
        if self.is_over or now >= self.opened_at + LIFETIME:
            return "refused"
        if place == newest:
            return "next" if now < self.made_at[place] + IDLE else "refused"
        if place == newest - 1 and now < self.used_at[place] + WINDOW:
            return "same"
        self.is_over = True
        return "refused"

    def may_sign_out(self, place: int, now: datetime) -> bool:
        """Whether the token at `place` still names a session that can be ended."""
        is_live = not self.is_over and now < self.opened_at + LIFETIME
        return is_live and now < self.made_at[place] + IDLE


async def _live_by_family(rt: Runtime) -> list[int]:
    statement = (
        select(func.count())
        .select_from(RefreshToken)
        .join(Family, Family.id == RefreshToken.family_id)
        .join(Session, Session.id == Family.session_id)
        .where(
            RefreshToken.used_at.is_(None),
            RefreshToken.expires_at > rt.clock.now(),
            Family.revoked_at.is_(None),
            Session.revoked_at.is_(None),
        )
        .group_by(Family.id)
    )
    async with rt.db.read() as connection:
        return list(await connection.scalars(statement))


async def _present(client: httpx.AsyncClient, model: Model, place: int, now: datetime) -> None:
    answer = await client.post("/api/v1/auth/refresh", json={"refresh_token": model.tokens[place]})
    match model.expects(place, now):
        case "next":
            assert answer.status_code == 200
            assert answer.json()["refresh_token"] not in model.tokens
            model.tokens.append(answer.json()["refresh_token"])
            model.made_at.append(now)
            model.used_at.append(now)
        case "same":
            assert answer.status_code == 200
            assert answer.json()["refresh_token"] == model.tokens[place + 1]
        case _:
            assert problem(answer) == (401, "invalid-refresh-token")
    if answer.is_success:
        headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        assert (await client.get("/api/v1/auth/me", headers=headers)).status_code == 200


async def _sign_out(client: httpx.AsyncClient, model: Model, place: int, now: datetime) -> None:
    body = {"refresh_token": model.tokens[place]}
    answer = await client.post("/api/v1/auth/logout", json=body)
    if model.may_sign_out(place, now):
        assert answer.status_code == 204
        model.is_over = True
    else:
        assert problem(answer) == (401, "invalid-refresh-token")


@pytest.mark.settings(limits={"signin_attempts": 10_000})
@settings(
    max_examples=20,
    deadline=None,
    database=None,
    # One instance for all the examples: each has a session of its own in it.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS)
async def test_any_history_of_a_family_follows_the_rules(
    rt: Runtime, client: httpx.AsyncClient, clock: OwnedClock, steps: list[tuple[str, int]]
) -> None:
    now = clock.now()
    who = await a_session(rt, await a_user(rt))
    model = Model(now, [who.tokens.refresh_token], [now])
    for action, figure in steps:
        now = clock.now()
        place = max(0, len(model.tokens) - 1 - figure)
        match action:
            case "present":
                await _present(client, model, place, now)
            case "logout":
                await _sign_out(client, model, place, now)
            case _:
                clock.advance(seconds=figure)
        assert all(count <= 1 for count in await _live_by_family(rt))
