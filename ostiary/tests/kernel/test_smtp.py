"""What an SMTP answer means, and that no message is doubled where that can be known."""

import asyncio
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from postoffice import (
    HANG_UP,
    KEEP_SILENT,
    SENDER,
    PostOffice,
    a_message,
    open_post_office,
)

from ostiary.kernel.mail import (
    MailDeferred,
    Mailer,
    MailRefused,
    MailServerDown,
    open_mailer,
)
from ostiary.kernel.smtp import Server, SmtpMailer, server_of


@pytest.fixture
async def office() -> AsyncIterator[PostOffice]:
    """A server without TLS."""
    async with open_post_office() as opened:
        yield opened


@pytest.fixture
async def mailer(office: PostOffice) -> AsyncIterator[SmtpMailer]:
    """A mailer for it."""
    opened = SmtpMailer(server_of(office.url()), SENDER, answer_in=5.0)
    yield opened
    await opened.close()


def parsed(content: bytes) -> EmailMessage:
    """What arrived, as a mail client reads it."""
    return message_from_bytes(content, policy=policy.default)


async def test_a_message_arrives_as_it_was_written(mailer: Mailer, office: PostOffice) -> None:
    text = ".leading dot\n..two\n\nend: ñ " + "x" * 2_000 + "\n.\n"
    await mailer.send(a_message(text=text))
    ((sender, recipient, content),) = office.received
    assert (sender, recipient) == ("no-reply@id.example", "ada@example.com")
    assert content.isascii()
    assert max(len(line) for line in content.splitlines()) <= 998  # RFC 5322 §2.1.1
    email = parsed(content)
    assert email["From"] == '"Ostiary, Inc." <no-reply@id.example>'
    assert email["To"] == "ada@example.com"
    assert email["Subject"] == "Número 1"
    assert email["Date"].datetime == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert email["Message-ID"] == "<mail_1@id.example>"
    assert email["Auto-Submitted"] == "auto-generated"
    plain, html = email.iter_parts()
    assert plain.get_content().replace("\r\n", "\n") == text
    assert html.get_content_type() == "text/html"


async def test_one_connection_carries_many_messages(mailer: Mailer, office: PostOffice) -> None:
    for number in range(5):
        await mailer.send(a_message(number))
    assert len(office.received) == 5
    assert office.stages.count("CONNECT") == 1
    await mailer.close()
    await mailer.send(a_message(5))
    assert office.stages.count("CONNECT") == 2


@pytest.mark.parametrize("answer", ["550 no such user", "553 bad name", "501 syntax", "552 full"])
async def test_a_refused_recipient_is_refused_for_good(
    mailer: Mailer, office: PostOffice, answer: str
) -> None:
    office.will("RCPT", answer)
    with pytest.raises(MailRefused, match=answer[:3]) as caught:
        await mailer.send(a_message())
    assert "ada" not in str(caught.value)
    await mailer.send(a_message(2, to="bob@example.com"))
    assert office.recipients() == ["bob@example.com"]
    assert office.stages.count("CONNECT") == 1, "the connection goes on with the next"


@pytest.mark.parametrize(
    ("stage", "answer", "expected"),
    [
        ("CONNECT", "421 busy", MailServerDown),
        ("CONNECT", "554 go away", MailServerDown),
        ("CONNECT", HANG_UP, MailServerDown),
        ("MAIL", "421 closing", MailServerDown),
        ("MAIL", "451 later", MailServerDown),
        ("MAIL", "550 sender unknown", MailServerDown),
        ("MAIL", "530 log in first", MailServerDown),
        ("RCPT", "450 greylisted", MailDeferred),
        ("RCPT", "421 closing", MailServerDown),
        ("RCPT", "530 log in first", MailServerDown),
        ("RCPT", HANG_UP, MailServerDown),
        ("DATA", "451 later", MailDeferred),
        ("DATA", "554 no", MailRefused),
        ("DATA", HANG_UP, MailServerDown),
        ("END", "550 spam", MailRefused),
        ("END", "552 too large", MailRefused),
        ("END", "451 disk full", MailDeferred),
        ("END", "421 closing", MailDeferred),
        ("END", HANG_UP, MailDeferred),
    ],
)
async def test_what_an_answer_means(
    mailer: Mailer, office: PostOffice, stage: str, answer: str, expected: type[Exception]
) -> None:
    office.will(stage, answer)
    with pytest.raises(expected) as caught:
        await mailer.send(a_message())
    assert type(caught.value) is expected
    assert str(caught.value)
    # Whatever it was, the next message gets through.
    await mailer.send(a_message(2, to="bob@example.com"))
    assert office.recipients()[-1] == "bob@example.com"


async def test_a_break_behind_the_content_is_not_repeated_at_once(
    mailer: Mailer, office: PostOffice
) -> None:
    office.will("END", HANG_UP)
    with pytest.raises(MailDeferred, match="after the content"):
        await mailer.send(a_message())
    assert len(office.received) == 1


@pytest.mark.parametrize("stage", ["MAIL", "RCPT"])
@pytest.mark.parametrize("answer", [HANG_UP, "421 idle for too long"])
async def test_a_kept_connection_that_has_gone_is_opened_once_more(
    mailer: Mailer, office: PostOffice, stage: str, answer: str
) -> None:
    await mailer.send(a_message(1))
    office.will(stage, answer)
    await mailer.send(a_message(2))
    assert len(office.received) == 2
    assert office.stages.count("CONNECT") == 2
    office.will(stage, answer, answer)
    with pytest.raises(MailServerDown):
        await mailer.send(a_message(3))
    assert office.stages.count("CONNECT") == 3, "once, and no more"


async def test_a_kept_connection_that_breaks_at_data_is_not_repeated(
    mailer: Mailer, office: PostOffice
) -> None:
    await mailer.send(a_message(1))
    office.will("DATA", HANG_UP)
    with pytest.raises(MailServerDown):
        await mailer.send(a_message(2))
    assert office.stages.count("CONNECT") == 1


@pytest.mark.parametrize("stage", ["CONNECT", "MAIL", "END"])
async def test_a_silent_server_is_given_up(office: PostOffice, stage: str) -> None:
    mailer = SmtpMailer(server_of(office.url()), SENDER, answer_in=0.5)
    office.will(stage, KEEP_SILENT)
    expected = MailDeferred if stage == "END" else MailServerDown
    with pytest.raises(expected) as caught:
        await mailer.send(a_message())
    assert type(caught.value) is expected
    await mailer.close()


async def test_a_server_that_dribbles_its_answer_is_given_up() -> None:
    """Every octet comes in time, the answer never does."""

    async def dribble(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not writer.is_closing():
            writer.write(b"2")
            await asyncio.sleep(0.01)  # slow is what this server is about
        is_gone.set()

    is_gone = asyncio.Event()
    server = await asyncio.start_server(dribble, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    mailer = SmtpMailer(Server("127.0.0.1", port, "never"), SENDER, answer_in=30.0, done_in=0.2)
    with pytest.raises(MailServerDown):
        await mailer.send(a_message())
    await is_gone.wait()
    server.close()


async def test_a_server_that_is_not_there_is_down() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # and does not listen
        mailer = open_mailer(f"smtp://127.0.0.1:{silent.getsockname()[1]}", sender=SENDER)
        with pytest.raises(MailServerDown):
            await mailer.send(a_message())


async def test_an_international_address_goes_where_it_is_understood() -> None:
    async with open_post_office(enable_SMTPUTF8=True) as office:
        mailer = open_mailer(office.url(), sender=SENDER)
        await mailer.send(a_message(to="ñandú@bücher.example"))
        await mailer.close()
        assert office.recipients() == ["ñandú@xn--bcher-kva.example"]
        assert "To: ñandú@xn--bcher-kva.example\r\n".encode() in office.received[0][2]


async def test_an_international_domain_goes_everywhere_and_a_local_part_does_not(
    mailer: Mailer, office: PostOffice
) -> None:
    await mailer.send(a_message(to="ada@bücher.example"))
    assert office.recipients() == ["ada@xn--bcher-kva.example"]
    with pytest.raises(MailRefused, match="6531"):
        await mailer.send(a_message(to="ñandú@example.com"))
