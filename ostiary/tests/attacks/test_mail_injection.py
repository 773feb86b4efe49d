"""What somebody typed ends up in a message: a name, an address, a User-Agent's device.

The attacker signs a victim up with a name that ends the header and begins another, that is HTML,
that is a link of their own under our brand, or that turns the terminal of whoever watches.
"""

from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from inbox import Mailbox, deliver
from mail.letters import write
from mail.test_messages import Page

from ostiary.kernel.mail import MailRefused, Message, open_mailer
from ostiary.mail.messages import Kind
from ostiary.runtime import Runtime

SENDER = "Ostiary <no-reply@id.example>"
HOSTILE = {
    "crlf": "Ada\r\nBcc: eve@evil.example\r\n\r\nHello",
    "lf": "Ada\nSubject: Other",
    "cr": "Ada\rSubject: Other",
    "nul": "Ada\0Bcc: eve",
    "line-separator": "Ada\u2028Bcc: eve",
    "paragraph-separator": "Ada\u2029Bcc: eve",
    "next-line": "Ada\x85Bcc: eve",
    "ansi": "Ada\x1b[2J\x1b]0;owned\x07",
    "c1-csi": "Ada\x9b2J",
    "surrogate": "Ada\udcff",
    "backwards": "Ada\u202egnp.exe",
    "hidden": "A\u200bd\u2060a",
    "html": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "attribute": '" onmouseover="alert(1)',
    "entity": "&lt;b&gt;&amp;",
    "jinja": "{{ 7 * 7 }}{% include 'layout.txt' %}",
    "percent": "100%(brand)s %s %n",
    "encoded-word": "=?utf-8?q?=0D=0ABcc:_eve=40evil.example?=",
    "long": "A" * 2_000,
    "words": "a " * 1_000,
}
CONTROLS = {chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))} - {"\n"}
CONTROLS |= set("\u2028\u2029\u202e\u200b\u2060")
HEADERS = ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version"]


def reread(message: Message) -> EmailMessage:
    """The message as it goes over the wire, read again."""
    wire = message.to_email(SENDER).as_bytes()
    assert max(len(line) for line in wire.splitlines()) <= 998
    return message_from_bytes(wire, policy=policy.default)


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("place", ["name", "device", "new_email", "brand"])
async def test_a_value_stays_a_value(
    rt: Runtime, mailbox: Mailbox, place: str, hostile: str
) -> None:
    kind = Kind.EMAIL_CHANGED if place == "new_email" else Kind.NEW_DEVICE
    if place == "brand":
        brand = rt.settings.brand.model_copy(update={"name": hostile})
        object.__setattr__(rt, "settings", rt.settings.model_copy(update={"brand": brand}))
        await write(rt, "ada@example.com", kind=kind)
    else:
        await write(rt, "ada@example.com", kind=kind, **{place: hostile})
    assert await deliver(rt) == 1
    message = mailbox.last()
    email = reread(message)
    assert [*email.keys(), "MIME-Version"][: len(HEADERS)] == HEADERS
    assert set(email.keys()) == {*HEADERS, "Content-Type"}
    assert email["To"] == "ada@example.com"
    assert email["From"] == SENDER
    assert not CONTROLS & set(message.subject + message.text + message.html)
    assert "49" not in message.text.replace("493817", "")
    page = Page(message.html)
    assert page.open == []
    assert not {"script", "img", "b"} & {tag for tag, _ in page.elements}
    assert not any("onmouseover" in attributes for _, attributes in page.elements)


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_a_subject_is_one_line_and_one_header(rt: Runtime, hostile: str) -> None:
    now = rt.clock.now()
    email = reread(Message("mail_1", "ada@example.com", hostile, "x\n", "<p>x</p>\n", now))
    assert set(email.keys()) == {*HEADERS, "Content-Type"}
    assert not CONTROLS & set(str(email["Subject"]))


@pytest.mark.parametrize(
    "address",
    [
        "ada@example.com\r\nBcc: eve@evil.example",
        "ada@example.com\nBcc: eve@evil.example",
        "ada@example.com\0",
        "ada@example.com, eve@evil.example",
        "ada@example.com\u2028eve@evil.example",
        "ada>\r\nRCPT TO:<eve@evil.example@example.com",
        "<ada@example.com>",
        "Ada <ada@example.com>",
        "ada @example.com",
        "ada@exa mple.com",
        "ada@example.com>",
        "=?utf-8?q?=0D=0ABcc=3Aeve=40evil.example?=@example.com",
        "ada",
        "@example.com",
        "ada@",
        "",
    ],
)
def test_an_address_is_one_address_or_none(rt: Runtime, address: str) -> None:
    message = Message("mail_1", address, "x", "x\n", "<p>x</p>\n", rt.clock.now())
    with pytest.raises(MailRefused) as caught:
        message.to_email(SENDER)
    assert "evil" not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    ["ada+tag@example.com", '"john smith"@example.com', "o'hara@example.com", "a.b@x.example"],
)
def test_an_unusual_address_is_still_one(rt: Runtime, address: str) -> None:
    message = Message("mail_1", address, "x", "x\n", "<p>x</p>\n", rt.clock.now())
    assert [one.addr_spec for one in reread(message)["To"].addresses] == [address]


@pytest.mark.parametrize(
    "name",
    [
        "https://evil.example",
        "evil.example",
        "Claim your prize at www.evil.example now",
        "eve@evil.example",
        "//evil.example",
        "evil。example/x",
        "<b>",
        "x" * 61,
    ],
)
async def test_a_name_that_is_a_link_or_a_text_is_no_name(
    rt: Runtime, mailbox: Mailbox, name: str
) -> None:
    await write(rt, "victim@example.com", name=name)
    await deliver(rt)
    assert mailbox.last().text.startswith("Hello,\n")
    assert "evil" not in mailbox.last().text + mailbox.last().html


@pytest.mark.parametrize("name", ["Ada", "Dr. Ada O'Hara-Núñez", "山田 太郎", "Ada 3."])
async def test_a_name_is_a_name(rt: Runtime, mailbox: Mailbox, name: str) -> None:
    await write(rt, "ada@example.com", name=name)
    await deliver(rt)
    assert mailbox.last().text.startswith(f"Hello {name},\n")


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
async def test_the_terminal_obeys_nobody(
    rt: Runtime, capsys: pytest.CaptureFixture[str], hostile: str
) -> None:
    mailer = open_mailer("console:", sender=SENDER)
    text = f"Hello {hostile}\n\nhttps://id.example/verify?token=x\n"
    await mailer.send(Message("m", "ada@example.com", hostile, text, "<p>x</p>", rt.clock.now()))
    shown = capsys.readouterr()
    assert not CONTROLS - set("\u202e\u200b\u2060") & set(shown.out)
    assert "\nhttps://id.example/verify?token=x\n" in shown.out
    assert shown.err == ""


async def test_a_folder_holds_whole_messages_for_its_owner_only(
    rt: Runtime, tmp_path: Path
) -> None:
    folder = tmp_path / "new" / "post"
    mailer = open_mailer(f"file://{folder}", sender=SENDER)
    message = Message("mail_1", "ada@example.com", "Hi", "x\n", "<p>x</p>\n", rt.clock.now())
    for _ in range(2):
        await mailer.send(message)
    (file,) = folder.iterdir()
    assert file.name == "mail_1.eml"
    assert file.stat().st_mode & 0o777 == 0o600
    email = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert email["Subject"] == "Hi"
