"""What a deployment grants, out of its own files."""

import re

from migrations.roles import _text

_GRANT = re.compile(r"^grant (.+?) to \{role\};$", re.MULTILINE)


def grants_in(work: str) -> list[str]:
    """The privileges in a file of `migrations/roles`, one a line as it stands there."""
    found = _GRANT.findall(_text(work))
    assert len(found) == _text(work).count("grant "), "a grant that is not one line"
    return found
