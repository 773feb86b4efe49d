"""What whoever presents a password may be told."""

from ostiary.kernel.problems import Problem


class InvalidCredentials(Problem):
    """The address or user name and the password do not belong together.

    The same answer for an unknown, a wrong and a suspended account.
    """

    status, slug, title = 401, "invalid-credentials", "These credentials are not valid"

    def __init__(self) -> None:
        """With the challenge that RFC 9110 §11.6.1 asks of every 401."""
        super().__init__(headers={"WWW-Authenticate": 'Bearer realm="ostiary"'})


class EmailUnverified(Problem):
    """The password is right, and this server lets nobody in before the address is verified.

    Another link is on its way to the address.
    """

    status, slug, title = 403, "email-unverified", "The email address is not verified"
