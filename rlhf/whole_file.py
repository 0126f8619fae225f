"""Files that are replaced whole: whoever reads one finds the old or the new, never a part."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Durable when it returns. Raises OSError where it cannot be written; what was there is then left as it was."""
    half = path.with_name(path.name + ".part")
    try:
        with half.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        half.replace(path)
    except OSError:
        with suppress(OSError):  # the first error is the one to tell
            half.unlink(missing_ok=True)
        raise
