"""Mail: whatever the application sends, by whatever way, lands in one box of the test.

Owns the redirection of smtplib and aiosmtplib, a mail server in the process, and the HTTP
interfaces of Resend, SendGrid, SES, Postmark and Mailgun. Does not own how their requests get
here (`outbound`). Sources: RFC 5321, RFC 2033, RFC 5322.
"""

from pytest_hermetic.mail.mailbox import Mailbox, NoMail
from pytest_hermetic.mail.message import Attachment, Message
from pytest_hermetic.mail.resource import MailResource

__all__ = ["Attachment", "MailResource", "Mailbox", "Message", "NoMail"]
