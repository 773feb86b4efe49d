"""Every type of event, with its meaning; `docs/reference/events.md` is made from this."""

from enum import StrEnum


class EventType(StrEnum):
    """What can happen, as `subject.verb_past`."""

    meaning: str

    def __new__(cls, value: str, meaning: str) -> "EventType":
        """Keep the meaning beside the name."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member

    USER_CREATED = "user.created", "An account was created."
    USER_UPDATED = "user.updated", "A profile was changed; `changed` names the members."
    USER_SUSPENDED = "user.suspended", "An account was shut; its sessions are refused."
    USER_REACTIVATED = "user.reactivated", "A suspended account was opened again."
    USER_INVITED = (
        "user.invited",
        "A link was mailed with which the account's owner chooses the first password.",
    )
    INVITATION_ACCEPTED = (
        "invitation.accepted",
        "The owner of an account chose its first password by a mailed link.",
    )
    USER_PROMOTED = "user.promoted", "An account was made an administrator's."
    USER_DEMOTED = "user.demoted", "An account is an administrator's no longer."
    USER_DELETED = (
        "user.deleted",
        "An account was deleted; `reason` is `disowned` (by the owner of its mailbox) or "
        "`administration`.",
    )
    USER_RECLAIMED = (
        "user.reclaimed",
        "The mailbox's owner took over an account that never was verified; all of it was cleared.",
    )
    EMAIL_VERIFIED = "email.verified", "Somebody has shown that they read the account's mail."
    EMAIL_CHANGE_REQUESTED = (
        "email.change_requested",
        "A link was sent to a new address; nothing has changed yet.",
    )
    EMAIL_CHANGED = "email.changed", "The account has another address; the old one may undo it."
    EMAIL_CHANGE_UNDONE = "email.change_undone", "The account has its old address again."
    PASSWORD_RESET_REQUESTED = (
        "password.reset_requested",
        "Somebody asked for a link to set a new password; no subject where nobody has the address.",
    )
    PASSWORD_RESET = "password.reset", "A password was set by a mailed link; all sessions ended."
    PASSWORD_CHANGED = (
        "password.changed",
        "A password was changed by its owner; all other sessions ended.",
    )
    PASSWORD_REFUSED = (
        "password.refused",
        "Somebody signed in, or with a link, was asked for the password and gave another.",
    )
    PASSWORD_LIMITED = (
        "password.limited",
        "A session or a link used up its attempts at the password; once for each window.",
    )
    LINK_REFUSED = (
        "link.refused",
        "A mailed link gave nothing; `reason` is `invalid` or `expired`.",
    )
    LINK_LIMITED = "link.limited", "An address used up its attempts with links."
    MESSAGE_LIMITED = (
        "message.limited",
        "A recipient or an address used up its messages; once for each window.",
    )
    SIGNUP_REFUSED = "signup.refused", "A sign-up was refused; `reason` is the problem's slug."
    SIGNUP_LIMITED = "signup.limited", "An address used up its sign-ups; once for each window."
    SIGNIN_FAILED = (
        "signin.failed",
        "A sign-in failed; `reason`: `unknown`, `password`, `closed`, `suspended`, `unverified`.",
    )
    SIGNIN_CHALLENGED = (
        "signin.challenged",
        "A sign-in lacks something: one of `methods`, or one of `bind` has to be bound.",
    )
    SIGNIN_MAILED = (
        "signin.mailed",
        "Somebody asked for a sign-in link or code; no subject where nobody has the address.",
    )
    SIGNIN_MAIL_REFUSED = (
        "signin.mail_refused",
        "A sign-in link or code gave nothing: wrong, too old, used, or for another browser.",
    )
    SECOND_FACTOR_REFUSED = (
        "second_factor.refused",
        "A second factor was wrong, or was used before; `kind` tells which was claimed.",
    )
    SECOND_FACTOR_LIMITED = (
        "second_factor.limited",
        "A budget for wrong second factors was used up; once for each window.",
    )
    SECOND_FACTOR_CLOSED = (
        "second_factor.closed",
        "Too many wrong codes in a row: the authenticator app is refused until it is set up anew.",
    )
    AUTHENTICATOR_BOUND = "authenticator.bound", "A second factor was bound; `kind` tells which."
    AUTHENTICATOR_UNBOUND = "authenticator.unbound", "A second factor was removed by its owner."
    AUTHENTICATORS_RESET = (
        "authenticators.reset",
        "An operator removed every second factor of an account; all sessions ended.",
    )
    BACKUP_CODES_REPLACED = "backup_codes.replaced", "Backup codes were made; older ones are void."
    BACKUP_CODE_USED = "backup_code.used", "A backup code was used up; `remaining` are left."
    SESSION_REAUTHENTICATED = (
        "session.reauthenticated",
        "Somebody signed in has proven themselves again; `amr` is what the session is worth now.",
    )
    PASSWORD_CLOSED = (
        "password.closed",
        "Too many wrong passwords in a row: only a mailed reset, or a known device, opens it.",
    )
    SIGNIN_LIMITED = "signin.limited", "A sign-in budget was used up; once for each window."
    SESSION_OPENED = "session.opened", "Somebody signed in; `amr` tells with what (RFC 8176)."
    SESSION_REVOKED = "session.revoked", "A session was ended before its time; `reason` says why."
    TOKEN_REFRESHED = "token.refreshed", "A refresh token was used and replaced."
    TOKEN_RETRIED = (
        "token.retried",
        "A used refresh token was presented again in time and got the same successor.",
    )
    TOKEN_REUSE_DETECTED = (
        "token.reuse_detected",
        "A used refresh token was presented again; its whole family was revoked.",
    )
    MAIL_FAILED = (
        "mail.failed",
        "A message to the subject was put aside; `mail` is its id, `reason` why.",
    )
    KEY_ADDED = "key.added", "A signing key was published; `signs_from` tells when it takes over."
    KEY_DELETED = (
        "key.deleted",
        "A signing key was deleted, a week after its last token had expired.",
    )
