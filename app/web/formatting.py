"""Times, amounts and names as people read them."""

from datetime import UTC, datetime, timedelta

_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
# Below this the exact second says nothing and the text would change with every look.
_JUST_NOW = timedelta(seconds=10)


def relative_time(moment: datetime, now: datetime) -> str:
    """``3 min ago``, ``in 2 h``; after four weeks the date."""
    past = moment <= now
    distance = now - moment if past else moment - now
    if distance < _JUST_NOW:
        return "just now" if past else "now"
    if distance >= timedelta(weeks=4):
        return moment.astimezone(UTC).strftime("%-d %b %Y")
    for unit, length in (("d", _DAY), ("h", _HOUR), ("min", _MINUTE)):
        if distance >= length:
            text = f"{distance // length} {unit}"
            break
    else:
        text = f"{distance // timedelta(seconds=1)} s"
    return f"{text} ago" if past else f"in {text}"


def exact_time(moment: datetime) -> str:
    """To the second, in UTC; browsers with JavaScript show the visitor's own zone instead."""
    return moment.astimezone(UTC).strftime("%-d %b %Y, %H:%M:%S UTC")


def machine_time(moment: datetime) -> str:
    """For the ``datetime`` attribute: ISO 8601 in UTC, ending in ``Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def duration(length: timedelta) -> str:
    """Two units at most: ``850 ms``, ``1.4 s``, ``2 min 5 s``, ``3 h 20 min``, ``4 d 2 h``."""
    seconds = length.total_seconds()
    sign = "-" if seconds < 0 else ""
    seconds = abs(seconds)
    if seconds < 1:
        return f"{sign}{seconds * 1000:.3g} ms"
    if seconds < 10:
        return f"{sign}{seconds:.1f} s"
    whole = round(seconds)
    days, rest = divmod(whole, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, rest = divmod(rest, 60)
    parts = [
        f"{amount} {unit}"
        for amount, unit in ((days, "d"), (hours, "h"), (minutes, "min"), (rest, "s"))
        if amount
    ]
    return sign + " ".join(parts[:2])


def grouped(number: float) -> str:
    """``12,345``: thousands apart, at most two decimals."""
    if isinstance(number, int) or float(number).is_integer():
        return f"{int(number):,}"
    return f"{number:,.2f}".rstrip("0").rstrip(".")


def size(size_bytes: int) -> str:
    for unit, length in (("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)):
        if size_bytes >= length:
            return f"{size_bytes / length:.1f} {unit}"
    return f"{size_bytes} B"


def initials(name: str) -> str:
    """At most two capitals for the round mark beside a name; ``?`` for an empty one."""
    words = [word for word in name.split() if word[0].isalnum()]
    if not words:
        return "?"
    chosen = [words[0]] if len(words) == 1 else [words[0], words[-1]]
    return "".join(word[0].upper() for word in chosen)


def plural(count: int, one: str, many: str | None = None) -> str:
    """``1 message``, ``1,204 messages``."""
    return f"{grouped(count)} {one if count == 1 else many or one + 's'}"
