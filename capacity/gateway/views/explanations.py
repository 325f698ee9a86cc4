"""What was decided about a request, or would be, in words and pictures for people (R15, R25)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from urllib.parse import urlencode

from capacity.gateway.decisions import Reason, Refusal, Served
from capacity.gateway.forms import Named
from capacity.gateway.queries.landing import Landing
from capacity.gateway.queries.requests import KnownRequest, row_of
from capacity.models import GatewayRequest, GatewayRequestStatus
from capacity.usage.domain.coverage import COMBINED
from capacity.usage.domain.windows import WINDOW, window_of
from common.ids import short_id

TITLES = {
    Served.SCALE: "Scale Tier",
    Served.DEFAULT: "Account plan",
    Served.REFUSED: "Refused",
}


@dataclass(frozen=True, slots=True)
class Bar:
    """How full a window or a minute is, in one kind, and what the request needs of it."""

    label: str
    limit: int
    used: int
    needs: int
    noun: str = "token"

    @property
    def left(self) -> int:
        return max(0, self.limit - self.used)

    @property
    def fits(self) -> bool:
        return self.needs <= self.left

    @property
    def used_share(self) -> str:
        return self._share(self.used)

    @property
    def needed(self) -> tuple[str, str]:
        """Where what it needs begins and how wide it is, in percent of the bar.

        It is wide enough to be seen. What has no room takes all that is left.
        """
        seen = self.limit // (150 if self.fits else 25)
        start = min(self.used, self.limit - seen)
        width = max(self.needs, seen) if self.fits else self.limit - start
        return self._share(start), self._share(width if self.needs else 0)

    def _share(self, amount: int) -> str:
        return f"{min(100.0, 100 * amount / self.limit):.2f}" if self.limit else "100"


@dataclass(frozen=True, slots=True)
class PoolBars:
    """A pool that was looked at."""

    id: str
    name: str
    serves: bool
    bars: list[Bar]

    @property
    def fits(self) -> bool:
        return all(bar.fits for bar in self.bars)

    @property
    def fits_empty(self) -> bool:
        """Whether a window in which nothing is used has room for the request."""
        return all(bar.needs <= bar.limit for bar in self.bars)


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision. `row` is as it is stored, or as it would be."""

    row: GatewayRequest
    named: Named
    pools: list[PoolBars]
    landing: Landing | None = None
    """Of a request that was not sent."""
    plan: list[Bar] = field(default_factory=list)
    """What the account plan has left in this minute, where it is asked."""

    @property
    def title(self) -> str:
        return TITLES[Served(self.row.served)]

    @property
    def lacks_room(self) -> bool:
        """Whether a bar shows that the request has no room."""
        return any(not bar.fits for pool in self.pools for bar in pool.bars) or any(
            not bar.fits for bar in self.plan
        )

    @property
    def would_be_served(self) -> bool:
        """Whether more units would let capacity serve it."""
        return self.row.reason in {Reason.NO_CAPACITY, Reason.WINDOW_EXHAUSTED}

    @property
    def window(self) -> str:
        start = window_of(self.row.at)
        return f"{start:%H:%M}–{start + WINDOW:%H:%M}"

    @property
    def ends_in(self) -> str:
        """How long the window goes on; empty for a request that was sent, and in a sandbox."""
        decision = self.landing and self.landing.decision
        real = decision and decision.context.clock is None
        return seconds(decision.resets_in) if decision and real else ""

    @property
    def project(self) -> str:
        names = {project.public_id: project.name for project in self.named.projects}
        return names.get(self.row.project, short_id(self.row.project))

    @property
    def key(self) -> str:
        names = {key.public_id: str(key) for key in self.named.keys}
        return names.get(self.row.key, short_id(self.row.key) if self.row.key else "Any")

    @property
    def pool(self) -> str:
        """The pool in which it counts."""
        return _pool_name(self.named, self.row.pool) if self.row.pool else ""

    @property
    def question(self) -> str:
        """The parameters of the page that ask for the same request again.

        Without its pool: which it named is not kept, only in which it counts.
        """
        asked = {
            "model": self.row.model,
            "key": self.row.key,
            "project": self.row.project,
            "input_tokens": self.row.estimate["input"],
            "output_tokens": self.row.estimate["output"],
            "disabled": "on" if self.row.reason == Reason.DISABLED else "",
        }
        return urlencode({name: value for name, value in asked.items() if value != ""})

    @property
    def words(self) -> str:
        return " ".join(self._sentences())

    def _sentences(self) -> Iterator[str]:
        now = self.landing is not None
        for pool in self.pools:
            yield _of_pool(pool, now=now)
        if self.row.reason == Reason.DISABLED:
            yield f"The request {'declines' if now else 'declined'} capacity."
        elif self.row.reason == Reason.NO_CAPACITY:
            yield self._no_capacity(now=now)
        if self.row.served == Served.DEFAULT:
            yield f"So the account plan {'serves' if now else 'served'} it."
        elif self.row.served == Served.REFUSED:
            yield from self._refused(has="has" if now else "had")

    def _no_capacity(self, *, now: bool) -> str:
        if self.landing and self.landing.decision and not self.landing.decision.is_counted:
            return "The gateway’s counters do not answer, so nothing is counted."
        needs = "needs" if now else "needed, or the gateway’s counters did not answer"
        if self.pool:
            lacks = "lacks" if now else "lacked"
            return f"Pool “{self.pool}” {lacks} active units of a kind that it {needs}."
        has = "has" if now else "had"
        return f"No pool of {self.row.model} {has} active units of each kind that it {needs}."

    def _refused(self, *, has: str) -> Iterator[str]:
        plan = self.landing and self.landing.decision and self.landing.decision.context.plan
        if self.row.refusal == Refusal.REQUESTS:
            limit = f" of {plan.rpm:,}" if plan else ""
            yield f"The account plan {has} no request{limit} left in this minute."
        elif self.row.refusal == Refusal.TOKENS:
            limit = f" of {plan.tpm:,}" if plan else ""
            yield f"The account plan {has} too few tokens{limit} left in this minute."
        else:
            limit = f": {plan.tpm:,} tokens" if plan else ""
            yield f"Alone it may use more than the account plan allows in a minute{limit}."
        decision = self.landing and self.landing.decision
        if decision and decision.retry_after:
            yield self._retry(seconds(decision.retry_after))

    def _retry(self, wait: str) -> str:
        if self.row.refusal != Refusal.TOO_LARGE:
            return f"It can be sent again in {wait}."
        if self.ends_in and any(pool.fits_empty for pool in self.pools):
            return f"An empty window has room for it: the next one begins in {self.ends_in}."
        return "To wait does not help: it would have to be smaller."


def explain_past(row: GatewayRequest, named: Named) -> Explanation:
    """Return what was decided about a request that was sent."""
    return Explanation(row, named, _pools(row, named))


def explain_landing(landing: Landing, named: Named) -> Explanation | None:
    """Return what would be decided; None if the request is refused before that."""
    decision = landing.decision
    if decision is None:
        return None
    row = row_of(KnownRequest(decision, GatewayRequestStatus.OPEN))
    plan = []
    if landing.used_of_plan:
        requests, tokens = landing.used_of_plan
        estimate, limits = decision.estimate, decision.context.plan
        plan = [
            Bar("Requests", limits.rpm, requests, 1, "request"),
            Bar("Tokens", limits.tpm, tokens, estimate.input + estimate.output),
        ]
    return Explanation(row, named, _pools(row, named), landing, plan)


def seconds(number: int) -> str:
    """Return seconds as text: `12 min 14 s`."""
    minutes, rest = divmod(number, 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _pools(row: GatewayRequest, named: Named) -> list[PoolBars]:
    windows = [_Window(**window) for window in row.windows]
    return [
        PoolBars(
            pool,
            _pool_name(named, pool),
            row.served == Served.SCALE and pool == row.pool,
            [
                Bar(each.kind, each.limit, each.used, row.estimate.get(each.kind, 0), each.noun)
                for each in of_pool
            ],
        )
        for pool, of_pool in groupby(windows, key=attrgetter("pool"))
    ]


@dataclass(frozen=True, slots=True)
class _Window:
    pool: str
    kind: str
    limit: int
    used: int

    @property
    def noun(self) -> str:
        return "weighted token" if self.kind == COMBINED else "token"


def _pool_name(named: Named, public_id: str) -> str:
    names: Mapping[str, str] = {pool.public_id: pool.name for pool in named.pools}
    return names.get(public_id, short_id(public_id))


def _of_pool(pool: PoolBars, *, now: bool) -> str:
    has, needs, serves = ("has", "needs", "serves") if now else ("had", "needed", "served")
    lacking = next((bar for bar in pool.bars if not bar.fits), None)
    if pool.serves or lacking is None:
        return f"The window of “{pool.name}” {has} room for it, so capacity {serves} it."
    return (
        f"The window of “{pool.name}” {has} {lacking.left:,} of {lacking.limit:,} {lacking.label}"
        f" tokens left, and the request {needs} {lacking.needs:,}."
    )
