"""A test message is handed over at once: what the server did is known, and nothing is kept."""

import pytest
from postoffice import open_post_office

from mail.letters import Failing, outbox
from ostiary.kernel.mail import MailDeferred
from ostiary.mail.trial import NotTaken, Taken, send_test
from ostiary.runtime import open_runtime
from ostiary.settings import Mail, Settings

TO = "ada@example.com"


def _through(settings: Settings, url: str) -> Settings:
    return settings.model_copy(update={"mail": Mail(url=url)})


async def test_the_server_that_takes_it_is_named_and_nothing_is_kept(settings: Settings) -> None:
    async with open_post_office() as office:
        url = office.url("?tls=never")
        async with open_runtime(_through(settings, url)) as rt:
            assert await send_test(rt, TO) == Taken(f"127.0.0.1:{office.port}")
            assert await outbox(rt) == []
    [(_, to, content)] = office.received
    assert to == TO
    assert b"Subject: A test message" in content


@pytest.mark.parametrize(
    ("stage", "answer", "advice"),
    [
        ("RCPT", "550 no such user", "Check the email, and that the server lets `mail.from` send."),
        ("RCPT", "450 later", "The server may take the message later: try again."),
        ("MAIL", "530 who are you", "Check `mail.url`: the host, the port, `tls=`, the user and"),
        ("END", "554 spam", "Check the email, and that the server lets `mail.from` send."),
    ],
)
async def test_what_the_server_answered_is_said_with_what_to_do(
    settings: Settings, stage: str, answer: str, advice: str
) -> None:
    async with open_post_office() as office:
        office.will(stage, answer)
        async with open_runtime(_through(settings, office.url("?tls=never"))) as rt:
            outcome = await send_test(rt, TO)
            assert await outbox(rt) == []
    assert isinstance(outcome, NotTaken)
    assert outcome.where == f"127.0.0.1:{office.port}"
    assert answer[:3] in outcome.why
    assert outcome.advice.startswith(advice)
    assert office.received == []


@pytest.mark.parametrize(
    ("url", "where", "why"),
    [
        ("smtp://127.0.0.1:1?tls=never", "127.0.0.1:1", "nothing listens at this host and port"),
        ("smtps://u:secret@host.invalid", "host.invalid:465", "its name is not known"),
    ],
)
async def test_a_server_that_is_not_there_is_named_without_its_password(
    settings: Settings, url: str, where: str, why: str
) -> None:
    async with open_runtime(_through(settings, url)) as rt:
        outcome = await send_test(rt, TO)
    assert isinstance(outcome, NotTaken)
    assert outcome.where == where
    assert why in outcome.why
    assert "secret" not in repr(outcome)


async def test_what_is_not_a_server_is_told_as_well(
    settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("letters")
    async with open_runtime(_through(settings, f"file://{folder}")) as rt:
        outcome = await send_test(rt, TO)
    [file] = folder.iterdir()
    assert outcome == Taken(str(file))
    async with open_runtime(_through(settings, "console:")) as rt:
        assert await send_test(rt, TO) == Taken("")


async def test_it_is_tried_once(settings: Settings) -> None:
    failing = Failing(MailDeferred("450"))
    async with open_runtime(settings, mailer=failing) as rt:
        assert isinstance(await send_test(rt, TO), NotTaken)
    assert failing.tries == 1
