"""Letters to somebody with an account, at the address that is stored with it."""

from datetime import timedelta

from ostiary.mail.messages import Kind, Letter
from ostiary.users.actions import Profile


def letter(profile: Profile, kind: Kind, /, **values: str | int) -> Letter:
    """A letter to the owner of `profile`, in their language.

    It names them only where their address is verified: what somebody else entered with it must
    not reach its owner under our name.
    """
    name = profile.display_name or profile.first_name
    if profile.email_verified and name:
        values["name"] = name
    return Letter(kind, profile.email, profile.locale, profile.id, values)


def lifetime(span: timedelta) -> dict[str, int]:
    """How long a link lives, in the words of a letter: hours where these are whole."""
    minutes = max(1, round(span.total_seconds() / 60))
    return {"hours": minutes // 60} if minutes % 60 == 0 else {"minutes": minutes}
