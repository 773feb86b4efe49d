"""Waiting for a mail, and what is found in the box."""

from __future__ import annotations

pytest_plugins = ["pytester"]

SENDING = """
    import smtplib
    def send(to="ada@example.com", subject="Hello", text="Hi"):
        head = f"From: shop@example.com\\r\\nTo: {to}\\r\\nSubject: {subject}\\r\\n"
        body = f"{head}\\r\\n{text}\\r\\n"
        with smtplib.SMTP("mail.internal") as client:
            client.sendmail("shop@example.com", [to], body.encode())
"""


def test_waiting(suite) -> None:
    suite(
        """
        import asyncio, pytest, re, threading
        from sending import send
        from pytest_hermetic.mail import NoMail

        def test_what_is_there_is_returned_at_once_and_once(hermetic_mail):
            send(subject="first"); send(subject="second"); send(to="bob@example.com")
            assert hermetic_mail.wait(to="ada@example.com").subject == "first"
            assert hermetic_mail.wait(to="Ada@Example.com").subject == "second"
            assert hermetic_mail.wait().to == ("bob@example.com",)
            with pytest.raises(NoMail, match=r"(?s)no mail to ada@.* within 0.01 s; there is:.*"
                    r"1\\. to ada@example.com: 'first' \\(waited for already\\)"):
                hermetic_mail.wait(to="ada@example.com", timeout=0.01)
            assert len(hermetic_mail) == 3

        def test_by_subject(hermetic_mail):
            send(subject="Your receipt"); send(subject="Confirm your address")
            assert hermetic_mail.wait(subject="Confirm").subject == "Confirm your address"
            assert hermetic_mail.wait(subject=re.compile("^your", re.I)).subject == "Your receipt"
            with pytest.raises(NoMail, match="with the subject 'confirm' within"):
                hermetic_mail.wait(subject="confirm", timeout=0.01)

        def test_another_thread_sends_it(hermetic_mail):
            gate = threading.Event()
            def later(): gate.wait(); send(subject="other"); send(subject="later")
            thread = threading.Thread(target=later); thread.start()
            gate.set()
            assert hermetic_mail.wait(subject="later").subject == "later"
            thread.join()

        async def test_another_task_sends_it(hermetic_mail):
            async def later():
                await asyncio.sleep(0)
                send(subject="later")
            task = asyncio.create_task(later())
            mail = await hermetic_mail.async_wait(to="ada@example.com", subject="later")
            assert mail.subject == "later"
            await task

        async def test_a_thread_sends_it_to_a_task(hermetic_mail):
            waiting = asyncio.create_task(hermetic_mail.async_wait(to="ada@example.com"))
            other = asyncio.create_task(hermetic_mail.async_wait(to="bob@example.com"))
            await asyncio.sleep(0)
            await asyncio.to_thread(send, subject="from a thread")
            assert (await waiting).subject == "from a thread"
            assert not other.done()
            send(to="bob@example.com")
            assert (await other).to == ("bob@example.com",)

        async def test_where_a_loop_runs_it_is_not_stopped(hermetic_mail):
            with pytest.raises(NoMail, match="await hermetic_mail.async_wait"):
                hermetic_mail.wait(to="ada@example.com", timeout=60)
            with pytest.raises(NoMail, match="to ada@example.com within 0.01 s; there is none"):
                await hermetic_mail.async_wait(to="ada@example.com", timeout=0.01)
            send()
            assert hermetic_mail.wait(to="ada@example.com").subject == "Hello"

        def test_looking_takes_nothing(hermetic_mail):
            assert not hermetic_mail and list(hermetic_mail) == hermetic_mail.find() == []
            with pytest.raises(NoMail, match="no mail; there is none"):
                hermetic_mail.last
            send(subject="one"); send(to="bob@example.com", subject="two")
            assert [mail.subject for mail in hermetic_mail.find(to="bob@example.com")] == ["two"]
            assert [mail.subject for mail in hermetic_mail.find(subject="o")] == ["one", "two"]
            assert hermetic_mail[0].subject == "one" and hermetic_mail[-1] is hermetic_mail.last
            assert [mail.subject for mail in hermetic_mail[0:2]] == ["one", "two"]
            assert hermetic_mail.wait().subject == "one"
            hermetic_mail.clear()
            assert len(hermetic_mail) == 0

        def test_the_newest(hermetic_mail):
            send(text="Use 111222 or https://shop.example/a")
            send(text="Use 333444 or https://shop.example/b")
            assert (hermetic_mail.code, hermetic_mail.links) == ("333444", ["https://shop.example/b"])
        """,
        files={"sending.py": SENDING},
    ).assert_outcomes(passed=8)


def test_a_box_of_its_own_for_every_test(suite) -> None:
    suite(
        """
        import pytest, threading
        from sending import send

        @pytest.mark.parametrize("number", range(4))
        def test_it(number, hermetic):
            assert len(hermetic.mail) == 0
            send(subject="same")
            assert hermetic.mail.wait(subject="same") is hermetic.mail[0]

        @pytest.fixture
        def set_up():
            send(subject="from the set-up")

        def test_what_the_set_up_sent_is_there(set_up, hermetic_mail):
            assert hermetic_mail.last.subject == "from the set-up"

        def test_no_fixture_need_be_asked_for():
            send()
        """,
        files={"sending.py": SENDING},
        args=("-n", "2"),
    ).assert_outcomes(passed=6)


def test_a_service_that_sends_in_the_background(suite) -> None:
    """The usual shape: the answer comes first, the mail after it."""
    suite(
        """
        from fastapi import BackgroundTasks, FastAPI
        from sending import send
        import asyncio

        app = FastAPI()
        tasks = set()

        @app.post("/reset")
        async def reset(email: str, background: BackgroundTasks):
            background.add_task(send, email, "Reset your password", "Code: 482913")

        @app.post("/later")
        async def later(email: str):
            async def work():
                await asyncio.sleep(0.01)
                send(email, "Reset your password", "Code: 482913")
            task = asyncio.create_task(work())
            tasks.add(task)

        def test_sync(hermetic_test_client, hermetic_mail):
            hermetic_test_client.post("/reset?email=ada@example.com")
            assert hermetic_mail.wait(to="ada@example.com", subject="Reset").code == "482913"

        async def test_async(hermetic_client, hermetic_mail):
            await hermetic_client.post("/reset?email=ada@example.com")
            assert hermetic_mail.wait(to="ada@example.com").code == "482913"

        async def test_a_task_of_its_own(hermetic_client, hermetic_mail):
            await hermetic_client.post("/later?email=ada@example.com")
            assert not hermetic_mail
            assert (await hermetic_mail.async_wait(to="ada@example.com")).code == "482913"
        """,
        "hermetic_app = test_inside:app",
        files={"sending.py": SENDING},
    ).assert_outcomes(passed=3)
