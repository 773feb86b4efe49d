"""The kinds of message. Each has its wording in `templates/<kind>.txt` and `.html`."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a message is about; the value is the name of its templates."""

    VERIFY_EMAIL = "verify_email"
    ACCOUNT_EXISTS = "account_exists"
    CONFIRM_EMAIL_CHANGE = "confirm_email_change"
    EMAIL_CHANGE_REQUESTED = "email_change_requested"
    EMAIL_CHANGED = "email_changed"
    EMAIL_CHANGE_UNDONE = "email_change_undone"
    RESET_PASSWORD = "reset_password"  # noqa: S105 -- a name, no secret
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 -- a name, no secret
    PASSWORD_CLOSED = "password_closed"  # noqa: S105 -- a name, no secret
    NEW_DEVICE = "new_device"
    INVITATION = "invitation"
    ACCOUNT_DELETED = "account_deleted"
    MAGIC_LINK = "magic_link"
    EMAIL_CODE = "email_code"
    BACKUP_CODE_USED = "backup_code_used"
    BACKUP_CODES_LOW = "backup_codes_low"
    SECOND_FACTOR_BOUND = "second_factor_bound"
    SECOND_FACTOR_REMOVED = "second_factor_removed"
    SECOND_FACTORS_RESET = "second_factors_reset"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Letter:
    """One message to be: what it is about, to whom, in which language (BCP 47), with what.

    A letter to nobody (`to` is None) is stored and forgotten: so that asking for a message costs
    the same whether or not there is somebody to get it.

    `values` are what its templates name: `link` with `minutes` or `hours` that it lives, `code`,
    `new_email`, `device`, `ip_address`, `at` (an ISO instant), `remaining`, `factor`, `name`.
    """

    kind: Kind
    to: str | None
    locale: str | None
    user_id: str | None
    values: Mapping[str, str | int]
