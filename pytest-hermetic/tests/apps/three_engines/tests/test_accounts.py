"""Accounts over asyncpg, in pytest-asyncio's strict mode."""

import asyncio

import pytest

from shop.accounts import service

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize("_round", range(3))
async def test_an_address_is_free_in_every_test(_round):
    assert await service.register("ada@example.com") is not None
    assert await service.register("ada@example.com") is None


async def test_of_five_simultaneous_registrations_one_wins():
    made = await asyncio.gather(*(service.register("ada@example.com") for _ in range(5)))
    assert len([number for number in made if number is not None]) == 1


async def test_preferences_are_searched_as_json():
    await service.register("ada@example.com", theme="dark", news=True)
    await service.register("bob@example.com", theme="light", news=True)
    assert await service.who_prefer(theme="dark") == ["ada@example.com"]
    assert await service.who_prefer(news=True) == ["ada@example.com", "bob@example.com"]
