"""Attempt budgets: sliding windows on the runtime's clock, spent first, refunded on success."""

import logging
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from time import monotonic

from ostiary.kernel.clock import Clock
from ostiary.kernel.problems import TooManyRequests
from ostiary.kernel.redis import Redis, RedisError
from ostiary.kernel.vault import Vault

_log = logging.getLogger(__name__)

_PAUSE = 1.0  # seconds


@dataclass(frozen=True, slots=True)
class Budget:
    """`count` attempts within any `seconds`."""

    name: str
    count: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Claim:
    """One attempt by `subject` (an address, an identifier as typed) on a budget."""

    budget: Budget
    subject: str


@dataclass(frozen=True, slots=True)
class Spent:
    """What was taken, so that it can be given back."""

    key: str
    mark: str


@dataclass(frozen=True, slots=True)
class _Window:
    """One budget's state for one subject, right after an attempt was added."""

    count: int
    oldest: float
    is_new: bool


class Limiter:
    """Counts attempts in Redis; where Redis does not answer, in this process, never not at all."""

    def __init__(self, redis: Redis, clock: Clock, vault: Vault, *, max_keys: int) -> None:
        """`max_keys` bounds what this process remembers while Redis does not answer."""
        self._redis = redis
        self._clock = clock
        self._vault = vault
        self._fallback = _Local(max_keys)
        self._away_until = 0.0

    async def spend(self, claim: Claim) -> Spent:
        """Take one attempt. Raises `TooManyRequests` where the budget is used up.

        A refused attempt is not counted: who waits as long as told gets through.
        """
        budget, key = claim.budget, self._key(claim)
        now = self._clock.now().timestamp()
        spent = Spent(key, secrets.token_hex(8))
        window = await self._add(spent, now, budget)
        if window.count <= budget.count:
            return spent
        await self.refund(spent)
        retry_after = max(1, ceil(window.oldest + budget.seconds - now))
        # Told once a window: a flood of refusals must not become a flood of events.
        told = await self._add(Spent(f"{key}:told", "told"), now, budget)
        raise TooManyRequests(retry_after=retry_after, is_first=told.is_new)

    async def refund(self, spent: Spent) -> None:
        """Give back what `spend` took: the attempt was a success."""
        if not self._is_away():
            try:
                await self._redis.zrem(spent.key, spent.mark)
            except (RedisError, OSError) as error:
                self._leave_alone(error)
        self._fallback.remove(spent.key, spent.mark)

    async def _add(self, spent: Spent, now: float, budget: Budget) -> _Window:
        if self._is_away():
            return self._fallback.add(spent.key, spent.mark, now, budget.seconds)
        try:
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.zremrangebyscore(spent.key, "-inf", now - budget.seconds)
                pipe.zadd(spent.key, {spent.mark: now}, nx=True)
                pipe.zcard(spent.key)
                pipe.zrange(spent.key, 0, 0, withscores=True)
                pipe.expire(spent.key, timedelta(seconds=budget.seconds + 1))
                _, added, count, oldest, _ = await pipe.execute()
        except (RedisError, OSError) as error:
            self._leave_alone(error)
            return self._fallback.add(spent.key, spent.mark, now, budget.seconds)
        return _Window(count, oldest[0][1], bool(added))

    def _key(self, claim: Claim) -> str:
        # An HMAC, so that neither Redis nor its backups hold an address that somebody typed.
        name = self._vault.mac(f"limits/{claim.budget.name}", claim.subject).hex()[:32]
        return f"ostiary:limit:{claim.budget.name}:{name}"

    def _is_away(self) -> bool:
        return monotonic() < self._away_until

    def _leave_alone(self, error: Exception) -> None:
        # A server that keeps silent costs a second a call: one sign-in finds out, not all of them.
        self._away_until = monotonic() + _PAUSE
        _log.warning("redis does not answer: limits are counted in this process", exc_info=error)


class _Local:
    """The same windows in memory, bounded: the budget not touched for longest goes first."""

    def __init__(self, max_keys: int) -> None:
        self._max_keys = max_keys
        self._marks: OrderedDict[str, dict[str, float]] = OrderedDict()

    def add(self, key: str, mark: str, now: float, seconds: int) -> _Window:
        marks = self._marks.setdefault(key, {})
        for old in [name for name, at in marks.items() if at <= now - seconds]:
            del marks[old]
        is_new = mark not in marks
        marks.setdefault(mark, now)
        self._marks.move_to_end(key)
        while len(self._marks) > self._max_keys:
            self._marks.popitem(last=False)
        return _Window(len(marks), min(marks.values()), is_new)

    def remove(self, key: str, mark: str) -> None:
        marks = self._marks.get(key, {})
        marks.pop(mark, None)
        if not marks:
            self._marks.pop(key, None)
