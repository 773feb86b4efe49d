"""Billing over psycopg, in threads."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy.exc import IntegrityError

from shop.billing import service


def test_an_invoice_is_paid_once():
    number = service.issue(1, 1999)
    assert service.pay(number) is True
    assert service.pay(number) is False


def test_of_four_simultaneous_payments_one_pays():
    number = service.issue(1, 1999)
    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(service.pay, [number] * 4)) == [False, False, False, True]


def test_the_database_refuses_an_empty_invoice():
    with pytest.raises(IntegrityError):
        service.issue(1, 0)


def test_an_invoice_is_overdue_after_a_fortnight(hermetic):
    number = service.issue(1, 1999)
    hermetic.clock.advance(days=13, hours=23)
    assert service.overdue() == []
    hermetic.clock.advance(hours=1, seconds=1)
    assert service.overdue() == [number]


def test_nothing_of_another_test_is_left():
    assert service.pay(1) is False
