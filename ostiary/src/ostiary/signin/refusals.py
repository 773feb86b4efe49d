"""The refusals of a password, and of any proof that comes with an access token."""

from ostiary.kernel.faults import Code
from ostiary.kernel.problems import Fault, Problem


class InvalidCredentials(Problem):
    """The email address or user name and the password do not belong together.

    An unknown account, a wrong password and a suspended account get the same answer.
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


class IncorrectProof(Problem):
    """The access token is good; the password or code that came with it is not right.

    `errors` points at the member. The session goes on: ask for the password or code again. A
    password that too many failures have closed is refused like a wrong one.
    """

    status, slug, title = 422, "incorrect-proof", "The password or code is not right"

    def __init__(self, member: str) -> None:
        """`member` is the name of the body's member that holds the proof."""
        advice = "this is not right. Enter it again."
        super().__init__(faults=(Fault(Code.INCORRECT, advice, pointer=f"/{member}"),))
