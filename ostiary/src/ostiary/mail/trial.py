"""A test message goes straight to the mail server: whether mail leaves is known at once."""

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from ostiary.kernel import tokens
from ostiary.kernel.mail import MailDeferred, MailRefused, MailServerDown
from ostiary.mail.messages import Kind, Letter
from ostiary.mail.rendering import render
from ostiary.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Taken:
    """The message was handed over; `where` names the server, the folder's file or nothing."""

    where: str


@dataclass(frozen=True, slots=True)
class NotTaken:
    """`where` did not take the message; `why` it said, and what an operator does about it."""

    where: str
    why: str
    advice: str


async def send_test(rt: Runtime, email: str) -> Taken | NotTaken:
    """Hand one message to `email` to the configured server, past the outbox.

    Nothing is stored, and nothing is tried again. Raises `TemplateBroken`.
    """
    now = rt.clock.now()
    letter = Letter(Kind.TEST, email, None, None, {})
    message = render(rt, tokens.new_id("mail", now), email, letter, written_at=now)
    where = _where(rt, message.id)
    try:
        await rt.mailer.send(message)
    except MailRefused as error:
        advice = "Check the email, and that the server lets `mail.from` send."
        return NotTaken(where, str(error), advice)
    except MailServerDown as error:
        advice = "Check `mail.url`: the host, the port, `tls=`, the user and the password."
        return NotTaken(where, str(error), advice)
    except MailDeferred as error:
        return NotTaken(where, str(error), "The server may take the message later: try again.")
    finally:
        await rt.mailer.close()
    return Taken(where)


def _where(rt: Runtime, message_id: str) -> str:
    """The server as `host:port`, the file, or "" for the console; never a password."""
    url = rt.settings.mail.url
    parts = urlsplit(url)
    match parts.scheme:
        case "smtp" | "smtps":
            # Imported here: a command that sends no mail by SMTP needs no client for it.
            from ostiary.kernel.smtp import server_of

            server = server_of(url)
            host = f"[{server.host}]" if ":" in server.host else server.host
            return f"{host}:{server.port}"
        case "file":
            return f"{unquote(parts.path).rstrip('/')}/{message_id}.eml"
    return ""
