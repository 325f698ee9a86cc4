"""Ending sessions of a person, who sees them listed."""

from collections.abc import Iterable
from datetime import datetime

from allauth.usersessions.models import UserSession
from django.db import transaction

from accounts.models import User
from accounts.operations.audit import Actor, record_for_person
from common.errors import NotFound


def end_session(*, user: User, session_id: int, by: Actor, real_now: datetime) -> None:
    """Sign the person out in one browser. Raises NotFound for a session of somebody else."""
    session = UserSession.objects.filter(user=user, pk=session_id).first()
    if session is None:
        raise NotFound("This session has ended already.")
    end_sessions_of_person([session], user=user, by=by, real_now=real_now)


def end_sessions_of_person(
    sessions: Iterable[UserSession], *, user: User, by: Actor, real_now: datetime
) -> None:
    """Sign the person out in these browsers, and record each."""
    with transaction.atomic():
        for session in sessions:
            session.end()
            record_for_person(
                user,
                by=by,
                action="session.ended",
                real_now=real_now,
                after={"address": session.ip, "browser": session.user_agent},
            )
