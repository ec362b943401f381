"""Reasons of failures as one line of limited length, and the end of the output."""

from pathlib import Path

from bench.core.errors import text_of

LONGEST_REASON = 400
"""Maximum number of bytes of a reason."""

TAIL_LINES, TAIL_BYTES = 30, 8000
"""Maximum size of the end of a log in a record."""


def reason_of(error: BaseException) -> str:
    """Type and message of an exception, one line of at most :data:`LONGEST_REASON` bytes."""
    text = text_of(error)
    kind = type(error).__name__
    return shortened(f"{kind}: {text}" if text.strip() else kind)


def shortened(text: str, longest: int = LONGEST_REASON) -> str:
    """Text in one line of limited length, without unprintable characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: 8 * longest]).split())
    cut = line.encode("utf8", "replace")[:longest].decode("utf8", "ignore")
    return f"{cut} …" if len(cut) < len(line) or len(text) > 8 * longest else cut


def log_tail(log: Path) -> str:
    """The last lines of a log, with a limited number of lines and bytes."""
    if not log.is_file():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 2 * TAIL_BYTES))
        text = file.read().decode("utf8", "replace")
    lines = [shortened(line, TAIL_BYTES // 8) for line in text.strip().splitlines()[-TAIL_LINES:]]
    return "\n".join(lines)[-TAIL_BYTES:]
