"""Mail sent by smtplib and aiosmtplib, any way they can, is in the box whole."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

# Ways to send one message; each `send(message, to=None)` may be asynchronous.
WAYS = """
    import smtplib, ssl, aiosmtplib

    def plain(message, to=None):
        with smtplib.SMTP("mail.internal") as client:
            client.send_message(message, to_addrs=to)

    def starttls_and_login(message, to=None):
        client = smtplib.SMTP()
        client.connect("mail.internal", 587)
        client.starttls(context=ssl.create_default_context())
        client.login("shop", "secret")
        client.send_message(message, to_addrs=to)
        client.quit()

    def starttls_by_itself(message, to=None):
        with smtplib.SMTP("mail.internal", 587, timeout=3) as client:
            client.ehlo()
            client.starttls()
            client.login("shop", "secret")
            client.send_message(message, to_addrs=to)

    def over_tls(message, to=None):
        with smtplib.SMTP_SSL("mail.internal", context=ssl.create_default_context()) as client:
            client.login("shop", "secret")
            client.send_message(message, to_addrs=to)

    async def aio(message, to=None):
        await aiosmtplib.send(message, recipients=to, hostname="mail.internal", start_tls=False)

    async def aio_starttls_and_login(message, to=None):
        await aiosmtplib.send(message, recipients=to, hostname="mail.internal", port=587,
            start_tls=True, username="shop", password="secret")

    async def aio_over_tls(message, to=None):
        async with aiosmtplib.SMTP(hostname="mail.internal", use_tls=True) as client:
            await client.login("shop", "secret")
            await client.send_message(message, recipients=to)

    async def aio_by_path(message, to=None):
        await aiosmtplib.send(
            message, recipients=to, socket_path="/run/smtp", start_tls=False)

    async def aio_by_token(message, to=None):
        async def token(): return "t0ken"
        async with aiosmtplib.SMTP(hostname="mail.internal", use_tls=True, username="shop",
                oauth_token_generator=token) as client:
            await client.send_message(message, recipients=to)

    WAYS = {
        plain: "smtp://mail.internal:25",
        starttls_and_login: "smtp://mail.internal:587",
        starttls_by_itself: "smtp://mail.internal:587",
        over_tls: "smtps://mail.internal:465",
        aio: "smtp://mail.internal:25",
        aio_starttls_and_login: "smtp://mail.internal:587",
        aio_over_tls: "smtps://mail.internal:465",
        aio_by_path: "smtp:///run/smtp",
        aio_by_token: "smtps://mail.internal:465",
    }
"""

TESTS = """
    import inspect, pytest
    from email.message import EmailMessage
    from ways import WAYS
    pytestmark = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)

    async def send(way, *args, **kwargs):
        sent = way(*args, **kwargs)
        if inspect.isawaitable(sent):
            await sent

    def letter(**headers):
        message = EmailMessage()
        for name, value in {
            "From": "Shop <shop@example.com>", "To": "ada@example.com", "Subject": "Hello",
            **headers,
        }.items():
            message[name] = value
        message.set_content("Hello Ada\\n")
        return message

    async def test_it_arrives_whole(way, hermetic_mail, hermetic):
        message = letter(To='"Ada Löwe" <ada@example.com>, bob@example.com', Cc="cy@example.com",
            Subject="Grüße ☕ aus dem Laden, in dem es immer etwas mehr sein darf als anderswo")
        message.replace_header("From", "Das Lädchen <shop@example.com>")
        message["Reply-To"] = "help@example.com"
        message.set_content("Hallo Ada,\\n.ein Punkt\\n..zwei\\n.\\nEnde mit ü\\n")
        message.add_alternative("<p>Hallo <b>Ada</b></p>", subtype="html")
        message.add_attachment(bytes(range(256)) * 40, maintype="application", subtype="pdf",
            filename="Rechnung über 5 €.pdf")
        await send(way, message)
        [mail] = hermetic_mail
        assert (mail.from_, mail.sender) == ("shop@example.com", "shop@example.com")
        assert mail.to == ("ada@example.com", "bob@example.com")
        assert (mail.cc, mail.bcc) == (("cy@example.com",), ())
        assert mail.subject == (
            "Grüße ☕ aus dem Laden, in dem es immer etwas mehr sein darf als anderswo")
        assert mail.text == "Hallo Ada,\\n.ein Punkt\\n..zwei\\n.\\nEnde mit ü\\n"
        assert mail.html == "<p>Hallo <b>Ada</b></p>\\n"
        assert mail.headers["from"] == "Das Lädchen <shop@example.com>"
        assert mail.headers["REPLY-TO"] == "help@example.com"
        [file] = mail.attachments
        assert file.name == "Rechnung über 5 €.pdf"
        assert file.content_type == "application/pdf"
        assert file.content == bytes(range(256)) * 40
        assert mail.via == WAYS[way]
        assert mail.user == ("shop" if "login" in way.__name__ or way.__name__ in (
            "starttls_by_itself", "over_tls", "aio_over_tls", "aio_by_token") else None)
        assert mail.is_encrypted is (way.__name__ not in ("plain", "aio", "aio_by_path"))
        assert hermetic.network.blocked == ()

    async def test_the_envelope_says_who_gets_it(way, hermetic_mail):
        await send(way, letter(To="ada@example.com", Cc="cy@example.com"),
            to=["ada@example.com", "hidden@example.com"])
        [mail] = hermetic_mail
        assert (mail.to, mail.cc, mail.bcc) == (("ada@example.com",), (), ("hidden@example.com",))
        assert mail.recipients == ("ada@example.com", "hidden@example.com")
        assert hermetic_mail.wait(to="HIDDEN@example.com") is mail

    async def test_a_blind_copy_is_not_shown(way, hermetic_mail):
        await send(way, letter(Bcc="boss@example.com"))
        assert hermetic_mail.last.bcc == ("boss@example.com",)
        assert "Bcc" not in hermetic_mail.last.headers

    async def test_one_after_the_other(way, hermetic_mail):
        for number in range(3):
            await send(way, letter(Subject=f"number {number}"))
        assert [mail.subject for mail in hermetic_mail] == ["number 0", "number 1", "number 2"]
"""


def test_every_way_to_send(suite) -> None:
    suite(TESTS, files={"ways.py": WAYS}).assert_outcomes(passed=4 * 9)


def test_lmtp(suite) -> None:
    """To one recipient per mail: for more, smtplib reads too few replies (RFC 2033 §4.2)."""
    suite(
        """
        import pytest, smtplib
        BODY = b"From: a@example.com\\r\\nTo: b@example.com\\r\\nSubject: x\\r\\n\\r\\nbody\\r\\n"

        @pytest.mark.parametrize(("endpoint", "via"), [
            (("/run/dovecot/lmtp",), "smtp:///run/dovecot/lmtp"),
            (("mail.internal", 24), "smtp://mail.internal:24")])
        def test_it(endpoint, via, hermetic_mail):
            with smtplib.LMTP(*endpoint) as client:
                client.sendmail("a@example.com", ["b@example.com"], BODY)
                client.sendmail("a@example.com", ["c@example.com"], BODY)
            assert [mail.recipients for mail in hermetic_mail] == [
                ("b@example.com",), ("c@example.com",)]
            assert {mail.via for mail in hermetic_mail} == {via}

        def test_each_recipient_is_answered_for(hermetic_mail):
            with smtplib.LMTP("mail.internal", 24) as client:
                client.ehlo()
                client.mail("a@example.com")
                client.rcpt("b@example.com")
                client.rcpt("c@example.com")
                assert client.data(BODY)[0] == client.getreply()[0] == 250
        """
    ).assert_outcomes(passed=3)


def test_one_connection_many_mails(suite) -> None:
    """A client made at import is used by several tests, and by several mails of each."""
    suite(
        """
        import aiosmtplib, pytest, smtplib
        from early import sync, asynchronous

        def text(number): return f"Subject: {number}\\r\\n\\r\\nbody\\r\\n".encode()

        @pytest.mark.parametrize("test", [1, 2])
        async def test_a_module_global_client(test, hermetic_mail):
            if test == 1:
                sync.connect("mail.internal", 25)
            for number in range(3):
                sync.sendmail("shop@example.com", ["ada@example.com"], text(number))
            async with asynchronous as client:
                for number in range(3, 6):
                    await client.sendmail("shop@example.com", ["ada@example.com"], text(number))
            assert [mail.subject for mail in hermetic_mail] == list("012345")
            assert {mail.to for mail in hermetic_mail} == {()}, "no header To"
            assert {mail.bcc for mail in hermetic_mail} == {("ada@example.com",)}

        def test_the_words_of_the_protocol():
            with smtplib.SMTP("mail.internal") as client:
                assert client.noop()[0] == 250
                assert client.verify("ada@example.com")[0] == 252
                assert client.docmd("RCPT", "TO:<a@example.com>")[0] == 503
                assert client.mail("shop@example.com")[0] == 250
                assert client.docmd("DATA")[0] == 503
                assert client.docmd("MAIL", "FROM:<b@example.com>")[0] == 503
                assert client.rcpt("nobody")[0] == 250
                assert client.rset()[0] == 250
                assert client.docmd("RCPT", "TO:<>")[0] == 503
                assert client.docmd("NONSENSE")[0] == 500
                assert client.docmd("MAIL", "me@example.com")[0] == 501
                assert client.docmd("AUTH", "DIGEST-MD5")[0] == 504
                assert client.docmd("AUTH", "PLAIN not-base64")[0] == 501
                client.ehlo()
                assert client.has_extn("starttls") and client.has_extn("smtputf8")
                client.starttls()
                client.ehlo()
                assert not client.has_extn("starttls")
                assert client.docmd("STARTTLS")[0] == 503

        def test_too_large(hermetic_mail):
            with smtplib.SMTP("mail.internal") as client:
                with pytest.raises(smtplib.SMTPSenderRefused) as refused:
                    client.sendmail("a@example.com", ["b@example.com"], b"x" * 36_000_000)
            assert refused.value.smtp_code == 552
            assert len(hermetic_mail) == 0

        def test_an_address_in_another_script(hermetic_mail):
            from email.message import EmailMessage
            message = EmailMessage()
            message["From"], message["To"] = "shop@example.com", "ådä@bücher.example"
            message.set_content("x")
            with smtplib.SMTP("mail.internal") as client:
                client.send_message(message)
            assert hermetic_mail.wait(to="ÅDÄ@bücher.example").to == ("ådä@bücher.example",)

        async def test_it_is_over_after_quit():
            client = smtplib.SMTP("mail.internal")
            client.quit()
            with pytest.raises(smtplib.SMTPServerDisconnected):
                client.noop()
            other = aiosmtplib.SMTP(hostname="mail.internal")
            await other.connect()
            await other.quit()
            with pytest.raises(aiosmtplib.SMTPServerDisconnected):
                await other.noop()
        """,
        files={
            "early.py": """
                import aiosmtplib, smtplib
                sync = smtplib.SMTP()
                asynchronous = aiosmtplib.SMTP(hostname="mail.internal", port=587)
            """,
            "older.py": "import early",
        },
        args=("-p", "older", "-p", "no:randomly"),
    ).assert_outcomes(passed=6)


@pytest.mark.parametrize(
    ("ini", "mark"),
    [("hermetic_mail = false", ""), ("", "@pytest.mark.hermetic_off('mail')")],
    ids=["session", "test"],
)
def test_a_real_server_may_be_meant(suite, ini: str, mark: str) -> None:
    """A server of the test's own on the loopback is really spoken to."""
    suite(
        f"""
        import pytest, smtplib, socketserver, threading, httpx

        class Server(socketserver.StreamRequestHandler):
            def handle(self):
                self.wfile.write(b"554 go away\\r\\n")
                self.rfile.readline()

        {mark}
        @pytest.mark.hermetic(network="loopback")
        def test_it(hermetic_network):
            with socketserver.TCPServer(("127.0.0.1", 0), Server) as server:
                threading.Thread(target=server.handle_request, daemon=True).start()
                with pytest.raises(smtplib.SMTPConnectError, match="go away"):
                    smtplib.SMTP(*server.server_address)
            with pytest.raises(httpx.ConnectError):
                httpx.post("https://api.resend.com/emails")
            assert hermetic_network.blocked == ("api.resend.com:443",)
        """,
        ini,
    ).assert_outcomes(passed=1)
