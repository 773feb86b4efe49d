"""Reports over three engines, as unittest classes."""

import unittest

import pytest

from shop.accounts import service as accounts
from shop.billing import service as billing
from shop.reports import service as reports


class Reports(unittest.IsolatedAsyncioTestCase):
    @pytest.fixture(autouse=True)
    def _take_the_clock(self, hermetic):
        self.clock = hermetic.clock

    async def test_a_day_is_summed_up_from_both_databases(self):
        today = self.clock.now().date()
        await accounts.register("ada@example.com")
        billing.issue(1, 1999)
        billing.issue(1, 1)
        self.assertEqual(await reports.close_day(today), {"customers": 1, "invoiced_cents": 2000})

    async def test_each_day_has_its_own_figures(self):
        first = self.clock.now().date()
        billing.issue(1, 1999)
        self.clock.advance(days=1)
        second = self.clock.now().date()
        billing.issue(1, 5)
        self.assertEqual((await reports.close_day(second))["invoiced_cents"], 5)
        self.assertEqual((await reports.close_day(first))["invoiced_cents"], 1999)
        self.assertEqual(reports.closed_days(), [first, second])

    async def test_a_day_may_be_closed_again(self):
        today = self.clock.now().date()
        await reports.close_day(today)
        await accounts.register("ada@example.com")
        self.assertEqual((await reports.close_day(today))["customers"], 1)
        self.assertEqual(reports.closed_days(), [today])

    def test_nothing_of_another_test_is_left(self):
        self.assertEqual(reports.closed_days(), [])
