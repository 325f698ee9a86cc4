"""The rows that entitlements are made of, one statement each, and what they mean.

The gateway has no models: it reads with a handful of statements, whatever the number of rows. Rows
are kept as JSON too, for a start without the database.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

import orjson

from capacity.gateway.entitlements import (
    KeyState,
    OrganizationState,
    Plan,
    PoolState,
    ProjectState,
    SnapshotState,
    Step,
)
from capacity.usage.domain.coverage import Weights
from capacity.usage.domain.windows import MINUTES_OF_WINDOW

SNAPSHOTS = """
SELECT snapshot.id, snapshot.model, snapshot.cached_weight, snapshot.output_weight,
       snapshot.retires_on,
       coalesce(jsonb_object_agg(unit.kind, unit.tpm) FILTER (WHERE unit.id IS NOT NULL), '{}')
FROM capacity_snapshot snapshot
LEFT JOIN capacity_tokenunit unit ON unit.snapshot_id = snapshot.id
GROUP BY snapshot.id
"""

ORGANIZATIONS = """
SELECT id, public_id, clock_at, keys_refused_from FROM accounts_organization
WHERE {organization_of}
"""
PROJECTS = """
SELECT organization_id, public_id, is_default, archived_at IS NOT NULL FROM accounts_project
WHERE {organization}
"""
# A key works until it is revoked, its user is deactivated or the membership ends (R18).
KEYS = """
SELECT key.organization_id, digest, key.public_id, project.public_id, NOT EXISTS (
    SELECT FROM mfa_authenticator factor
    WHERE factor.user_id = key.user_id AND factor.type IN ('totp', 'webauthn')
)
FROM accounts_apikey key
JOIN accounts_membership member
  ON member.organization_id = key.organization_id AND member.user_id = key.user_id
JOIN accounts_user person ON person.id = key.user_id
LEFT JOIN accounts_project project ON project.id = key.project_id
WHERE revoked_at IS NULL AND person.is_active AND key.{organization}
"""
POOLS = """
SELECT organization_id, id, public_id, snapshot_id, is_default FROM capacity_pool
WHERE {organization} ORDER BY is_default DESC, id
"""
# Tokens per minute of active units, and those that a scheduled cancellation will end, and when.
UNITS = """
SELECT organization_id, pool_id, kind, sum(active_units * tpm_per_unit)::bigint FROM capacity_lot
WHERE active_units > 0 AND {organization} GROUP BY organization_id, pool_id, kind
"""
ENDS = """
SELECT cancellation.organization_id, lot.pool_id, lot.kind, cancellation.ends_on,
       sum(least(cancellation.units, lot.active_units) * lot.tpm_per_unit)::bigint
FROM capacity_cancellation cancellation JOIN capacity_lot lot ON lot.id = cancellation.lot_id
WHERE cancellation.status = 'scheduled' AND lot.active_units > 0
  AND cancellation.{organization}
GROUP BY cancellation.organization_id, lot.pool_id, lot.kind, cancellation.ends_on
"""
PLANS = """
SELECT organization_id, snapshot_id, rpm, tpm FROM capacity_accountplan WHERE {organization}
"""

OF_ORGANIZATIONS = (ORGANIZATIONS, PROJECTS, KEYS, POOLS, UNITS, ENDS, PLANS)
"""The first column of each is the organization."""

Row = tuple[Any, ...]
OrganizationRows = list[list[Row]]
"""The rows of one organization by statement, without their first column."""

Parsers = Mapping[int, Callable[[str], Any]]
FROM_JSON: Mapping[str, Parsers] = {
    SNAPSHOTS: {2: Decimal, 3: Decimal, 4: date.fromisoformat},
    ORGANIZATIONS: {1: datetime.fromisoformat, 2: date.fromisoformat},
    ENDS: {2: date.fromisoformat},
}
"""The columns that are text in JSON, by their place in a row."""

VERSION = sha256("".join((SNAPSHOTS, *OF_ORGANIZATIONS)).encode()).hexdigest()
"""That of rows which are kept: those of other statements mean something else."""


def statement(text: str, *, everything: bool) -> str:
    """Return a statement about all organizations, or about those in its one parameter."""
    if everything:
        return text.format(organization="organization_id > 0", organization_of="true")
    return text.format(organization="organization_id = ANY(%s)", organization_of="id = ANY(%s)")


def read_snapshots(rows: Iterable[Row]) -> list[SnapshotState]:
    """Return the catalogue from the rows of `SNAPSHOTS`."""
    return [
        SnapshotState(pk, model, Weights.of(cached, output), tpm, retires_on)
        for pk, model, cached, output, retires_on, tpm in rows
    ]


def by_organization(results: Iterable[Iterable[Row]]) -> dict[int, OrganizationRows]:
    """Return the rows of `OF_ORGANIZATIONS` by the primary key of their organization."""
    grouped: dict[int, OrganizationRows] = {}
    for position, result in enumerate(results):
        for organization, *rest in result:
            of_organization = grouped.get(organization)
            if of_organization is None:
                of_organization = grouped[organization] = [[] for _ in OF_ORGANIZATIONS]
            of_organization[position].append(tuple(rest))
    return grouped


def read_organizations(
    results: Iterable[Iterable[Row]], retirements: Mapping[int, date], default_plan: Plan
) -> list[tuple[OrganizationState, dict[str, KeyState]]]:
    """Return organizations with their keys by digest, from the rows of `OF_ORGANIZATIONS`.

    `retirements` are the service days on which snapshots retire, by primary key.
    """
    return [
        read_organization(pk, of_organization, retirements, default_plan)
        for pk, of_organization in by_organization(results).items()
    ]


def read_organization(
    pk: int, rows: OrganizationRows, retirements: Mapping[int, date], default_plan: Plan
) -> tuple[OrganizationState, dict[str, KeyState]]:
    """Return one organization, as `read_organizations` does."""
    ((public_id, clock_at, refused_from),), projects, keys, pools, units, ends, plans = rows
    default = next((project for project, is_default, _ in projects if is_default), "")
    state = OrganizationState(
        pk=pk,
        public_id=public_id,
        clock_at=clock_at,
        default_project=default,
        projects={project: ProjectState(project, archived) for project, _, archived in projects},
        pools=_pools(pools, _changes(units, ends), retirements),
        plans={
            snapshot: Plan(
                default_plan.rpm if rpm is None else rpm, default_plan.tpm if tpm is None else tpm
            )
            for snapshot, rpm, tpm in plans
        },
    )
    own_keys = {
        of_secret: KeyState(key, project or default, refused_from if lacks_factor else None)
        for of_secret, key, project, lacks_factor in keys
    }
    return state, own_keys


def to_json(rows: Any) -> bytes:
    """Return rows on one line."""
    return orjson.dumps(rows, default=str)


def snapshots_from_json(line: bytes) -> list[Row]:
    """Return the rows of `SNAPSHOTS`. Raises ValueError."""
    return [_from_json(row, FROM_JSON[SNAPSHOTS]) for row in orjson.loads(line)]


def organization_from_json(line: bytes) -> OrganizationRows:
    """Return the rows of an organization. Raises ValueError."""
    return [
        [_from_json(row, FROM_JSON.get(text, {})) for row in result]
        for text, result in zip(OF_ORGANIZATIONS, orjson.loads(line), strict=True)
    ]


def _from_json(row: list[Any], parsers: Parsers) -> Row:
    for place, parse in parsers.items():
        if row[place] is not None:
            row[place] = parse(row[place])
    return tuple(row)


Changes = dict[date, dict[str, int]]
"""Tokens per minute that begin or end on a day, by kind."""


def _changes(units: Iterable[Row], ends: Iterable[Row]) -> defaultdict[int, Changes]:
    """Return the changes of each pool by its primary key."""
    changes: defaultdict[int, Changes] = defaultdict(dict)
    for pool, kind, tpm in units:
        changes[pool].setdefault(date.min, {})[kind] = tpm
    for pool, kind, ends_on, tpm in ends:
        changes[pool].setdefault(ends_on, {})[kind] = -tpm
    return changes


def _pools(
    rows: Iterable[Row], changes: Mapping[int, Changes], retirements: Mapping[int, date]
) -> dict[int, tuple[PoolState, ...]]:
    """Return pools by snapshot, in the order of the rows."""
    pools: dict[int, tuple[PoolState, ...]] = {}
    for pk, public_id, snapshot, is_default in rows:
        steps = _allowances(changes.get(pk, {}), retirements.get(snapshot))
        pool = PoolState(pk, public_id, snapshot, is_default, steps)
        pools[snapshot] = (*pools.get(snapshot, ()), pool)
    return pools


def _allowances(changes: Changes, retires_on: date | None) -> tuple[Step, ...]:
    """Return what is allowed in a window from each day on; nothing once the snapshot retires."""
    if not changes:
        return ()
    steps, tpm = [], defaultdict[str, int](int)
    for day in sorted(changes):
        if retires_on and day >= retires_on:
            break
        for kind, change in changes[day].items():
            tpm[kind] += change
        allowed = {kind: each * MINUTES_OF_WINDOW for kind, each in tpm.items() if each > 0}
        steps.append(Step(day, allowed))
    if retires_on:
        steps.append(Step(retires_on, {}))
    return tuple(steps)
