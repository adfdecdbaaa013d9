-- What the auditor needs: an index that finds the ledger's latest rows, how far it has come, and
-- the faults of a row as views, so that they can be asked by hand too.

-- The ledger only grows at its end, so a block range index finds the rows of a time span by a
-- few bytes per range; keeping it costs the stream next to nothing (docs/decisions/0010).
-- squawk-ignore require-concurrent-index-creation
create index ledger_applied_at on inorder.ledger
    using brin (applied_at) with (pages_per_range = 32, autosummarize = on);

create table inorder.audit (
    one         boolean     primary key default true check (one),
    audited_to  timestamptz not null default clock_timestamp(),
    marked_at   timestamptz,
    marker      xid8,
    swept_to    text collate "C" not null default ''
);

comment on table  inorder.audit is 'How far the auditor has come; one row';
comment on column inorder.audit.audited_to is
    'Every row of the ledger with an earlier applied_at has been audited';
comment on column inorder.audit.marker is
    'A transaction begun after marked_at: once all up to it are over, rows applied before are there';
comment on column inorder.audit.swept_to is
    'The last order whose whole ledger was audited, however old; from the first again at the end';

insert into inorder.audit default values;

create table inorder.suspect (
    order_id text collate "C" primary key,
    found_at timestamptz not null default clock_timestamp()
);

comment on table inorder.suspect is
    'Orders in which the auditor found a fault; looked at again in each run until it is gone';

-- Faults of single rows of the ledger: what cannot be true of a row, its neighbours and its head.
-- LIMIT 1 keeps each probe a probe: the planner must not join whole tables for a few rows.
create view inorder.ledger_fault as
select ledger.order_id, ledger.ordinal, ledger.applied_at, fault.name as fault, fault.detail
from inorder.ledger
left join lateral (
    select * from inorder.head where head.order_id = ledger.order_id limit 1
) as head on true
left join lateral (
    select earlier.* from inorder.ledger as earlier
    where earlier.order_id = ledger.order_id and earlier.ordinal = ledger.ordinal - 1
    limit 1
) as before on true
cross join lateral (
    select 'head_missing' as name, 'its order has no head' as detail
    where head.order_id is null
    union all
    select 'beyond_head', 'the head is at ' || head.ordinal
    where ledger.ordinal > head.ordinal
    union all
    select 'before_beginning', 'the ledger of this order begins at ' || head.ledger_from
    where ledger.ordinal < head.ledger_from
    union all
    select 'gap', 'nothing was applied or passed over before it'
    where ledger.ordinal > head.ledger_from and before.order_id is null
    union all
    select 'gap', 'the head is at ' || head.ordinal || ' and nothing was applied after it'
    where ledger.ordinal < head.ordinal
      and not exists (
          select from inorder.ledger as later
          where later.order_id = ledger.order_id and later.ordinal = ledger.ordinal + 1
      )
    union all
    select 'double', 'another row of the ledger has the same place'
    where exists (
        select from inorder.ledger as other
        where other.order_id = ledger.order_id and other.ordinal = ledger.ordinal
          and other.ctid <> ledger.ctid
    )
    union all
    select 'double', 'another row of the ledger has the same id'
    where ledger.id is not null and exists (
        select from inorder.ledger as other
        where other.order_id = ledger.order_id and other.id = ledger.id
          and other.ctid <> ledger.ctid
    )
    union all
    select 'double', 'the same event waits in the parking lot as entry ' || lot.entry_id
    from inorder.parking_lot as lot
    where lot.order_id = ledger.order_id and lot.id = ledger.id and lot.digest = ledger.digest
      and (not head.versioned or lot.version = ledger.ordinal)
    union all
    select 'inversion', 'it was applied before its predecessor'
    where before.applied_at > ledger.applied_at + interval '10 seconds'
    union all
    select 'inversion', 'it stands on the stream before its predecessor'
    where not head.versioned
      and (ledger.sequence_number, ledger.sub_sequence_number)
          < (before.sequence_number, before.sub_sequence_number)
      and ledger.skipped_because is null and before.skipped_because is null
      and not exists (
          select from inorder.decision
          where decision.order_id = ledger.order_id and decision.action = 'edit'
            and (decision.sequence_number, decision.sub_sequence_number)
                in ((ledger.sequence_number, ledger.sub_sequence_number),
                    (before.sequence_number, before.sub_sequence_number))
      )
    union all
    select 'position', 'it stands on the stream behind what the head has taken in'
    where ledger.skipped_because is null
      and (ledger.sequence_number, ledger.sub_sequence_number)
          > (head.sequence_number, head.sub_sequence_number)
    union all
    select 'kind', 'the head does not know whether its events carry versions'
    where head.order_id is not null and head.versioned is null
    union all
    select 'decision', 'it was passed over, and nobody is on record for it'
    where ledger.skipped_because is not null
      and not exists (
          select from inorder.decision
          where decision.order_id = ledger.order_id
            and decision.action in ('skip', 'close_gap')
            and decision.up_to >= ledger.ordinal
            and decision.ordinal_before < ledger.ordinal
      )
) as fault;

comment on view inorder.ledger_fault is
    'What cannot be true of a row of the ledger. Ask with a bound on applied_at or on order_id';

-- Faults of heads: what cannot be true of a head, its last row in the ledger, and its lot.
create view inorder.head_fault as
select head.order_id, head.state, fault.name as fault, fault.detail
from inorder.head
left join lateral (
    select lot.rank, lot.version from inorder.parking_lot as lot
    where lot.order_id = head.order_id and lot.kind <> 'stray'
    order by lot.rank, lot.entry_id
    limit 1
) as first on true
cross join lateral (
    select case
        when first.rank is null then 'open'
        when exists (
            select from inorder.parking_lot as lot
            where lot.order_id = head.order_id and lot.kind = 'blocker'
        ) then 'parked'
        when head.versioned and first.rank > head.ordinal + 1 then 'gap'
        else 'parked'
    end as state
) as expected
cross join lateral (
    select 'state' as name,
           'it is ' || head.state || ', and its lot says ' || expected.state as detail
    where head.state <> expected.state
    union all
    select 'gap', 'it is at ' || head.ordinal || ', which the ledger does not hold'
    where head.ordinal >= head.ledger_from
      and not exists (
          select from inorder.ledger
          where ledger.order_id = head.order_id and ledger.ordinal = head.ordinal
      )
    union all
    select 'beyond_head', 'the ledger goes on behind ' || head.ordinal
    where exists (
        select from inorder.ledger
        where ledger.order_id = head.order_id and ledger.ordinal > head.ordinal
    )
    union all
    select 'decision', 'events of it were skipped or edited, and it does not say so'
    where not head.decided
      and exists (
          select from inorder.decision
          where decision.order_id = head.order_id and decision.action in ('skip', 'edit')
      )
) as fault;

comment on view inorder.head_fault is
    'What cannot be true of a head. Ask with a bound on order_id';

-- Faults of entries of the lot: what cannot be true of an entry and its head.
create view inorder.lot_fault as
select lot.entry_id, lot.order_id, fault.name as fault, fault.detail
from inorder.parking_lot as lot
left join lateral (
    select * from inorder.head where head.order_id = lot.order_id limit 1
) as head on true
cross join lateral (
    select 'head_missing' as name, 'its order has no head' as detail
    where lot.order_id is not null and head.order_id is null
    union all
    select 'kind', 'it waits for a turn that has passed: the order is at ' || head.ordinal
    where lot.kind in ('follower', 'gap') and head.versioned and lot.version <= head.ordinal
    union all
    select 'kind', 'its order carries no versions and it waits for one'
    where lot.kind = 'gap' and not head.versioned
    union all
    select 'kind', 'its rank is ' || lot.rank || ' and its version ' || lot.version
    where lot.kind in ('follower', 'gap') and head.versioned and lot.rank <> lot.version
    union all
    select 'double', 'another entry is the same event'
    where lot.id is not null and exists (
        select from inorder.parking_lot as other
        where other.order_id = lot.order_id and other.id = lot.id
          and other.digest = lot.digest and other.version is not distinct from lot.version
          and other.entry_id <> lot.entry_id
    )
    union all
    select 'double', 'the ledger holds the same event as ' || ledger.ordinal
    from inorder.ledger
    where lot.id is not null
      and ledger.order_id = lot.order_id and ledger.id = lot.id and ledger.digest = lot.digest
      and (not head.versioned or lot.version = ledger.ordinal)
    union all
    select 'position', 'it stands on the stream behind what the head has taken in'
    where lot.kind <> 'stray'
      and (lot.sequence_number, lot.sub_sequence_number)
          > (head.sequence_number, head.sub_sequence_number)
    union all
    select 'payload', 'its bytes are gone'
    where octet_length(lot.payload) = 0 and lot.id is not null
) as fault;

comment on view inorder.lot_fault is 'What cannot be true of an entry of the parking lot';
