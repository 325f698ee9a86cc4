"""The timeline of one kind of units in words (R22)."""

from collections.abc import Mapping, Sequence
from datetime import date

from capacity.domain.timeline import Cause, Mark, Step
from common.days import last_day
from common.texts import counted

MOST_CHANGES_TOLD = 2
"""A sentence tells so many of the changes to come, and how many more there are."""

ENDS: Mapping[Cause, str] = {
    Cause.CANCELLED: "{} cancelled",
    Cause.MODEL_RETIRED: "{} of a model that retires",
    Cause.ORDER_FORM_ENDED: "{} without an order form",
    Cause.PAYMENT_OVERDUE: "{} with an overdue payment",
    Cause.SPEND_LIMIT: "{} past a spend limit",
}


def mark_in_words(mark: Mark) -> str:
    """Return what happens: `2 units cancelled`."""
    units = counted(mark.units, "unit")
    if mark.cause == Cause.PURCHASE:
        return f"{units} bought"
    if mark.cause == Cause.COMMITMENT_END:
        return f"commitment of {units} ends"
    return ENDS[mark.cause].format(units)


def timeline_in_words(
    steps: Sequence[Step], marks: Sequence[Mark], *, on: date, end: date, now: str = "now"
) -> str:
    """Return one or two sentences: the present TPM, what is to come before `end`, the last change.

    `now` is how the sentence calls the service day `on`.
    """
    present = max((step for step in steps if step.starts_on <= on), key=lambda step: step.starts_on)
    coming = [step for step in steps if step.starts_on > on]
    sentence = f"{present.tpm:,} TPM {now}"
    if coming:
        changes = [_change(step, marks) for step in coming]
        sentence += f"; falls {' and '.join(changes[:MOST_CHANGES_TOLD])}"
        if more := len(changes[MOST_CHANGES_TOLD:]):
            sentence += f", then {counted(more, 'more change')}"
    elif present.units:
        sentence += f"; no end is foreseen up to {last_day(end)}"
    past = [mark for mark in marks if mark.on < on and mark.cause != Cause.COMMITMENT_END]
    if not past:
        return f"{sentence}."
    latest = [mark_in_words(mark) for mark in past if mark.on == past[-1].on]
    return f"{sentence}. Last changed on {past[-1].on}: {' and '.join(latest)}."


def _change(step: Step, marks: Sequence[Mark]) -> str:
    reasons = [
        mark_in_words(mark)
        for mark in marks
        if mark.on == step.starts_on and mark.cause != Cause.COMMITMENT_END
    ]
    return f"to {step.tpm:,} TPM after {last_day(step.starts_on)} ({' and '.join(reasons)})"
