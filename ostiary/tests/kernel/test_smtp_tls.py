"""Passwords and messages go to the server that was meant, over TLS, and to no other."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from postoffice import (
    SENDER,
    Certificates,
    PostOffice,
    a_message,
    certificates,
    open_post_office,
)

from ostiary.kernel.mail import (
    MailServerDown,
    open_mailer,
)
from ostiary.kernel.smtp import server_of


@pytest.fixture
async def office() -> AsyncIterator[PostOffice]:
    """A server without TLS."""
    async with open_post_office() as opened:
        yield opened


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """A certificate that nobody knows but who is told of its authority."""
    return certificates(tmp_path_factory.mktemp("tls"))


async def test_starttls_is_used_where_it_is_offered(tls: Certificates) -> None:
    async with open_post_office(context=tls.context) as office:
        mailer = open_mailer(office.url(f"?ca={tls.authority}"), sender=SENDER)
        await mailer.send(a_message())
        await mailer.close()
        assert office.over_tls == [True]


async def test_a_certificate_that_is_not_trusted_stops_everything(
    tls: Certificates, tmp_path: Path
) -> None:
    stranger = certificates(tmp_path).authority
    async with open_post_office(context=tls.context) as office:
        for options in ("", f"?ca={stranger}"):
            mailer = open_mailer(office.url(options), sender=SENDER)
            with pytest.raises(MailServerDown, match="TLS"):
                await mailer.send(a_message())
            await mailer.close()
        assert office.received == []


async def test_a_certificate_for_another_host_stops_everything(tmp_path: Path) -> None:
    other = certificates(tmp_path, host="127.0.0.2")
    async with open_post_office(context=other.context) as office:
        mailer = open_mailer(office.url(f"?ca={other.authority}"), sender=SENDER)
        with pytest.raises(MailServerDown, match="TLS"):
            await mailer.send(a_message())
        await mailer.close()


async def test_smtps_is_tls_from_the_first_octet(tls: Certificates) -> None:
    options = {"implicit": True, "auth_require_tls": False}  # it does not see its own TLS
    async with open_post_office(context=tls.context, **options) as office:
        url = office.url(f"?ca={tls.authority}", scheme="smtps", user="ada%40x:p%40ss%2Fword@")
        mailer = open_mailer(url, sender=SENDER)
        await mailer.send(a_message())
        await mailer.close()
        assert office.received
        assert office.logins == [(b"ada@x", b"p@ss/word")]


async def test_user_and_password_go_over_tls(tls: Certificates) -> None:
    async with open_post_office(context=tls.context, auth_required=True) as office:
        url = office.url(f"?ca={tls.authority}", user="ada%40x:p%40ss%2Fword@")
        mailer = open_mailer(url, sender=SENDER)
        await mailer.send(a_message())
        await mailer.close()
        assert office.logins == [(b"ada@x", b"p@ss/word")]
        assert office.over_tls == [True]


async def test_a_refused_password_is_the_operators_fault_not_the_messages(
    tls: Certificates,
) -> None:
    async with open_post_office(context=tls.context) as office:
        mailer = open_mailer(office.url(f"?ca={tls.authority}", user="ada:wrong@"), sender=SENDER)
        with pytest.raises(MailServerDown, match="535") as caught:
            await mailer.send(a_message())
        assert "wrong" not in str(caught.value)
        await mailer.close()


@pytest.mark.parametrize("options", ["?tls=required", ""])
async def test_a_server_that_hides_its_tls_gets_no_password_and_no_message(
    office: PostOffice, options: str
) -> None:
    user = "" if options else "ada:p%40ss%2Fword@"
    mailer = open_mailer(office.url(options, user=user), sender=SENDER)
    with pytest.raises(MailServerDown, match="TLS"):
        await mailer.send(a_message())
    await mailer.close()
    assert office.received == []
    assert office.logins == []


async def test_a_password_goes_in_clear_to_this_machine_where_that_is_asked_for() -> None:
    async with open_post_office(auth_require_tls=False) as office:
        url = office.url("?tls=never", user="ada:p%40ss%2Fword@")
        mailer = open_mailer(url, sender=SENDER)
        await mailer.send(a_message())
        await mailer.close()
        assert office.logins == [(b"ada", b"p@ss/word")]


@pytest.mark.parametrize(
    "url",
    [
        "smtp://",
        "smtp://host:0",
        "smtp://host:99999",
        "smtp://host/path",
        "smtp://host?tls=maybe",
        "smtp://host?tsl=required",
        "smtp://host#x",
        "smtps://host?tls=never",
        "smtp://user@host",
        "smtp://:hunter2@host",
        "smtp://user:hunter2@mail.example?tls=never",
        "smtp://user:hunter2@10.0.0.1?tls=never",
        "console",
        "console://x",
        "file:relative",
        "file://host/folder",
        "file:///",
        "http://mail.example",
        "",
    ],
)
def test_a_url_that_names_no_mailer_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"^(use|set|give|tls=never would) .*\.$") as caught:
        open_mailer(url, sender=SENDER)
    assert "hunter2" not in str(caught.value)


def test_a_server_never_shows_its_password() -> None:
    assert "hunter2" not in repr(server_of("smtps://user:hunter2@mail.example"))


@pytest.mark.parametrize(
    ("url", "port", "mode"),
    [
        ("smtp://mail.example", 587, "offered"),
        ("smtps://mail.example", 465, "implicit"),
        ("smtp://mail.example:25?tls=required", 25, "required"),
    ],
)
def test_ports_and_tls_have_the_usual_defaults(url: str, port: int, mode: str) -> None:
    server = server_of(url)
    assert (server.host, server.port, server.tls) == ("mail.example", port, mode)
