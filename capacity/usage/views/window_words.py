"""A window in words: when its allowance ran out, and who went over it."""

from collections.abc import Iterator, Sequence

from capacity.models import Kind
from capacity.usage.models import ExhaustedWindow
from capacity.usage.queries.windows import Party, Window
from common.decimals import plain
from common.templatetags.display import duration
from common.texts import counted

NAMED = 3
"""At most so many projects are named."""


def sentences(window: Window) -> Iterator[str]:
    """Yield why the allowance of a window was not enough, or that it was."""
    tokens = "weighted tokens" if window.is_weighted else "tokens"
    if window.exhausted is not None:
        yield from _exhausted(window.exhausted, window.in_pool, tokens)
    elif window.allowance:
        yield f"The allowance of {window.allowance:,} {tokens} is enough for all that asked for it."
    elif any(party.covered for party in window.in_pool):
        yield "Combined units cover the tokens of this pool."
    else:
        kind = window.kind.label.lower()
        yield f"No {kind} units were active in this pool, so all went to the account plan."
    if window.is_open:
        yield f"The window is open: late events can change this until {window.closes_at:%H:%M} UTC."


def notes(window: Window) -> Iterator[str]:
    """Yield how the tokens of those who used a window are counted."""
    cached = f"a cached input token counts {plain(window.snapshot.cached_weight)}"
    output = window.snapshot.output_weight
    if window.kind == Kind.COMBINED and output is not None:
        yield f"Tokens are weighted: {cached}, an output token {plain(output)}."
    elif window.is_weighted:
        yield f"Tokens as they were sent; against the allowance {cached}."
    if window.outside:
        yield "Other pools, and requests that opted out, use nothing of this allowance."
    if window.late:
        yield "Nor does what came after the window had closed."


def _exhausted(window: ExhaustedWindow, parties: Sequence[Party], tokens: str) -> Iterator[str]:
    allowance = f"The allowance of {window.allowance:,} {tokens}"
    if window.ran_out_at is None or window.minutes is None:
        yield f"{allowance} was not enough."
    else:
        left = duration(window.minutes)
        yield f"{allowance} ran out at {window.ran_out_at:%H:%M}, {left} before the window ended."
    over = [party for party in parties if party.over > 0]
    yield f"It was {window.over:,} short{_by(over)}."


def _by(parties: Sequence[Party]) -> str:
    if not parties:
        return ""
    if len(parties) == 1:
        return f"; all that went over came from {parties[0].project}"
    whole = sum(party.over for party in parties)
    named = [f"{party.over * 100 / whole:.0f}% from {party.project}" for party in parties[:NAMED]]
    if others := parties[NAMED:]:
        share = sum(party.over for party in others) * 100 / whole
        named.append(f"{share:.0f}% from {counted(len(others), 'other project')}")
    return f"; of what went over came {', '.join(named[:-1])} and {named[-1]}"
