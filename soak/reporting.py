"""An outcome, for people."""

from collections.abc import Iterator

from soak.running import Outcome

_MOST_SHOWN = 20


def report(outcome: Outcome) -> str:
    return "\n".join(_lines(outcome))


def _lines(outcome: Outcome) -> Iterator[str]:
    account = outcome.account
    yield "What was done to it:"
    for strike in outcome.strikes:
        held = "" if strike.held is None else f", holding {strike.held}"
        if strike.outstanding is not None:
            held += f", {strike.outstanding} issues outstanding"
        yield f"  {strike.at_s:>7.1f} s  {strike.fault} ({strike.what}{held})"
    at_work = sum(bool(strike.held) for strike in outcome.strikes)
    claiming = sum(strike.held is not None for strike in outcome.strikes)
    yield f"  {at_work} of {claiming} that claim to hold work did"
    yield "The account:"
    for name, value in (
        ("requests", outcome.requests),
        ("  asked to come back", outcome.unavailable),
        ("  without an answer", outcome.unanswered),
        ("issues accepted", account.accepted),
        ("  in doubt", account.in_doubt),
        ("  in doubt, arrived", account.arrived),
        ("actions accepted", account.actions),
        ("deliveries done", account.done),
        ("waiting", account.waiting),
        ("failed, and still are", account.failed),
        ("failed, were replayed", sum(account.replayed.values())),
        ("failed on purpose", account.poisoned),
        ("mails", account.mails),
        ("  repeated, same id", account.mails_repeated),
        ("lost", len(account.lost)),
        ("doubled", len(account.doubled)),
        ("stuck", len(account.stuck)),
        ("unexpected answers", sum(account.unexpected.values())),
        ("database is locked", outcome.locked),
    ):
        yield f"  {name:<22} {value:>8}"
    for title, found in (
        ("Lost", account.lost),
        ("Doubled", account.doubled),
        ("Stuck", account.stuck),
        ("Replayed", [f"{count} x {what}" for what, count in account.replayed.items()]),
        ("Unexpected", [f"{count} x {what}" for what, count in account.unexpected.items()]),
        ("Could not be done", list(outcome.problems)),
    ):
        if found:
            yield f"{title}:"
            yield from (f"  {one}" for one in found[:_MOST_SHOWN])
            if len(found) > _MOST_SHOWN:
                yield f"  and {len(found) - _MOST_SHOWN} more"
    if outcome.is_good:
        yield "All accounted for."
    else:
        yield f"NOT all accounted for; data and logs are in {outcome.folder}"
