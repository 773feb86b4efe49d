"""Rules about what a test asserts: whether green can mean anything at all."""

from __future__ import annotations

from pytest_hermetic.audit.rules.rule import Rule, Seen

RULES: tuple[Rule, ...] = (
    Rule(
        code="H001",
        title="the test passes without having asserted anything",
        why="It stays green whatever the application answers, as long as nothing raises.",
        fix="Assert what the action changed: the answer's body, a row, a sent mail.",
        bad="""
            def test_total():
                sum([1, 2])
        """,
        good="""
            def test_total():
                assert sum([1, 2]) == 3
        """,
    ),
    Rule(
        code="H002",
        title="every assertion of the test is guarded and may never be reached",
        why="When the condition does not hold, or the error is swallowed, the test is green.",
        fix="Assert the condition itself first, and let errors out.",
        bad="""
            def test_item():
                found = {"name": "tea"}.get("nam")
                if found is not None:
                    assert found == "tea"
        """,
        good="""
            def test_item():
                found = {"name": "tea"}.get("name")
                assert found is not None
                assert found == "tea"
        """,
    ),
    Rule(
        code="H003",
        title="the assertion is true whatever happens",
        why="It looks like a check and is none.",
        fix="Compare with the value you expect.",
        bad="""
            def test_price():
                price = 2 + 2
                assert (price == 5, "the price is wrong")
        """,
        good="""
            def test_price():
                price = 2 + 2
                assert price == 4, "the price is wrong"
        """,
    ),
    Rule(
        code="H004",
        title="success and failure are both accepted as the status",
        why="A route that is gone or broken passes as well as one that works.",
        fix="Expect one status. Where several are right, test each case by itself.",
        bad="""
            def test_order(client):
                assert client.get("/orders/1").status_code in (200, 404)
        """,
        good="""
            def test_order(client):
                answer = client.get("/orders/1")
                assert answer.status_code == 200
                assert answer.json() == {"order": 1}
        """,
    ),
    Rule(
        code="H005",
        title="the test stays green against an application that answers a constant",
        why="It tells the working application from none at all by nothing it checks.",
        fix="Assert the part of the answer that only the right code can produce, or show the "
        "opposite case in the same test: the same request, allowed here and refused there.",
        bad="""
            def test_order(client):
                assert client.get("/orders/1").status_code == 200
        """,
        good="""
            def test_order(client):
                assert client.get("/orders/1").json() == {"order": 1}
        """,
        seen=Seen.FULL,
    ),
    Rule(
        code="H013",
        title="the outcome depends on the tests that ran before",
        why="It is green by the grace of its neighbours: alone, or in another order, it fails.",
        fix="Let the test make all it needs, and keep nothing in modules or wide fixtures.",
        bad="""
            orders = []

            def test_first_order():
                orders.append("tea")
                assert orders == ["tea"]
        """,
        good="""
            def test_first_order():
                orders = []
                orders.append("tea")
                assert orders == ["tea"]
        """,
        seen=Seen.FULL,
    ),
    Rule(
        code="H014",
        title="the test asserts only what its own mock says",
        why="The mock was told what to answer and then asked: no code of yours is judged.",
        fix="Assert what the code did with the answer: what it returned, stored or sent.",
        bad="""
            from unittest.mock import Mock

            def test_payment():
                gateway = Mock()
                gateway.charge.return_value = "paid"
                answer = gateway.charge(5)
                assert answer == "paid"
        """,
        good="""
            from unittest.mock import Mock

            def pay(gateway, amount):
                return {"state": gateway.charge(amount), "amount": amount}

            def test_payment():
                gateway = Mock()
                gateway.charge.return_value = "paid"
                assert pay(gateway, 5) == {"state": "paid", "amount": 5}
        """,
    ),
)
