"""A letter becomes a message when it is sent, in the language of its reader."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ostiary.kernel.mail import Message, one_line
from ostiary.mail.messages import Letter
from ostiary.runtime import Runtime

_PACKAGE = "ostiary.mail"
# What makes a mail client show a link: whoever signs a stranger's address up chooses the name.
_LIKE_A_LINK = re.compile(r"[/@:<>\\]|\.\S|www", re.IGNORECASE)
_LONGEST_NAME = 60
_BLANKS = re.compile(r"\n\s*\n")


def render(rt: Runtime, id: str, to: str, letter: Letter, *, written_at: datetime) -> Message:
    """The message that `letter` is to `to`. Raises `TemplateBroken`."""
    values: dict[str, Any] = {name: _clean(value) for name, value in letter.values.items()}
    name = str(values.pop("name", None) or "")
    is_name = len(name) <= _LONGEST_NAME and not _LIKE_A_LINK.search(name)
    values |= _lifetime(letter.values)
    values |= {"brand": one_line(rt.settings.brand.name), "name": name if is_name else ""}
    subject = one_line(
        rt.templates.render_block(
            _PACKAGE, f"{letter.kind}.txt", "subject", locale=letter.locale, values=values
        )
    )
    values["subject"] = subject
    text, html = (
        rt.templates.render(
            _PACKAGE, f"{letter.kind}.{form}", locale=letter.locale, values=values
        ).strip()
        for form in ("txt", "html")
    )
    # Where a template says something or nothing, it leaves blank lines behind.
    text = _BLANKS.sub("\n\n", text)
    return Message(id, to, subject, f"{text}\n", f"{html}\n", written_at)


def _lifetime(values: Mapping[str, str | int]) -> dict[str, str | int]:
    """`lifetime` and its `unit`, the largest that is exact: nobody thinks in 168 hours."""
    minutes = int(values.get("minutes", 0)) + 60 * int(values.get("hours", 0))
    if minutes >= 2_880 and minutes % 1_440 == 0:
        return {"lifetime": minutes // 1_440, "unit": "days"}
    if minutes >= 60 and minutes % 60 == 0:
        return {"lifetime": minutes // 60, "unit": "hours"}
    return {"lifetime": minutes, "unit": "minutes"}


def _clean(value: str | int) -> str | int:
    return value if isinstance(value, int) else one_line(value)
