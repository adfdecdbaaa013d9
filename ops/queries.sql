-- What the operator's command line asks and writes, one statement per name.

-- name: counts_of_orders
-- Orders that wait, by state.
select state, count(*) from inorder.head where state <> 'open' group by state;

-- name: counts_of_entries
-- The parking lot by kind and reason, with its oldest entry.
select kind, reason, count(*) as entries, count(distinct order_id) as orders,
       min(parked_at) as since
from inorder.parking_lot
group by kind, reason
order by count(*) desc, kind, reason;

-- name: last_applied
-- When the ledger last grew, looking at the last hour's blocks only.
select max(applied_at) from inorder.ledger where applied_at > clock_timestamp() - interval '1 hour';

-- name: retention
-- How long the ledger remembers, how far its pruning has come, and its size with its indexes.
select extract(epoch from retention.keep)::float8 / 86400 as keep_days,
       retention.pruned_to, retention.ran_at, retention.rows_pruned,
       pg_total_relation_size('inorder.ledger') / 1048576 as megabytes
from inorder.retention;

-- name: waiting_orders
-- Orders that wait, with the first entry of each; those parked longest come first.
select head.order_id, head.state, head.ordinal, head.versioned, waiting.entries, waiting.since,
       first.entry_id, first.kind, first.reason, first.version, first.attempts, first.detail
from inorder.head
cross join lateral (
    select count(*) as entries, min(lot.parked_at) as since
    from inorder.parking_lot as lot
    where lot.order_id = head.order_id and lot.kind <> 'stray'
) as waiting
left join lateral (
    select * from inorder.parking_lot as lot
    where lot.order_id = head.order_id and lot.kind <> 'stray'
    order by lot.rank, lot.entry_id
    limit 1
) as first on true
where head.state <> 'open'
  and (%(reason)s::text is null or exists (
      select from inorder.parking_lot as lot
      where lot.order_id = head.order_id and lot.reason = %(reason)s
  ))
order by waiting.since, head.order_id
limit %(limit)s;

-- name: strays
-- Entries that belong to no known order, or cannot be told from a duplicate.
select lot.entry_id, lot.order_id, lot.reason, lot.version, lot.parked_at, lot.detail
from inorder.parking_lot as lot
where lot.kind = 'stray' and (%(reason)s::text is null or lot.reason = %(reason)s)
order by lot.entry_id
limit %(limit)s;

-- name: entries_of_order
-- An order's entries in redrive order, strays last; never their payload.
select lot.entry_id, lot.kind, lot.reason, lot.version, lot.attempts, lot.parked_at, lot.detail,
       octet_length(lot.payload) as bytes
from inorder.parking_lot as lot
where lot.order_id = %(order_id)s
order by lot.kind = 'stray', lot.rank, lot.entry_id
limit %(limit)s;

-- name: entries_waiting
-- How many entries of an order wait.
select count(*) as entries from inorder.parking_lot
where order_id = %(order_id)s and kind <> 'stray';

-- name: entry
-- One entry with everything but its payload.
select lot.entry_id, lot.order_id, lot.kind, lot.reason, lot.detail, lot.rank, lot.version, lot.id,
       lot.attempts, lot.parked_at, lot.partition_key, lot.sequence_number::text,
       lot.sub_sequence_number, octet_length(lot.payload) as bytes,
       head.state, head.ordinal, head.versioned
from inorder.parking_lot as lot
left join inorder.head on head.order_id = lot.order_id
where lot.entry_id = %(entry_id)s;

-- name: payload
-- The bytes of one entry as they came.
select payload from inorder.parking_lot where entry_id = %(entry_id)s;

-- name: export
-- A page of entries with their payload, after this one.
select lot.entry_id, lot.order_id, lot.kind, lot.reason, lot.detail, lot.rank, lot.version,
       lot.attempts, lot.parked_at, lot.partition_key, lot.sequence_number::text,
       lot.sub_sequence_number, lot.payload
from inorder.parking_lot as lot
where lot.entry_id > %(after)s
  and (%(order_id)s::text is null or lot.order_id = %(order_id)s)
  and (%(reason)s::text is null or lot.reason = %(reason)s)
order by lot.entry_id
limit 100;

-- name: decisions
-- What was decided, newest first.
select decision.decision_id, decision.decided_at, decision.decided_by, decision.action,
       decision.order_id, decision.entry_id, decision.version, decision.up_to, decision.reason,
       decision.because
from inorder.decision
where %(order_id)s::text is null or decision.order_id = %(order_id)s
order by decision.decision_id desc
limit %(limit)s;

-- name: order_of_entry
-- Which order an entry belongs to; an entry never changes its order.
select order_id from inorder.parking_lot where entry_id = %(entry_id)s;

-- name: read_entry
-- One entry whole. Ask under its head's lock.
select lot.entry_id, lot.rank, lot.kind, lot.partition_key, lot.sequence_number,
       lot.sub_sequence_number, lot.payload, lot.reason, lot.detail
from inorder.parking_lot as lot
where lot.entry_id = %(entry_id)s
for update;

-- name: situation
-- What a decision about an order rests on: blockers, the lowest version ahead, and whether another
-- entry claims this version.
select (
           select count(*) from inorder.parking_lot as lot
           where lot.order_id = %(order_id)s and lot.kind = 'blocker'
       ) as blockers,
       (
           select min(lot.version) from inorder.parking_lot as lot
           where lot.order_id = %(order_id)s and lot.kind <> 'stray'
             and lot.version > %(ordinal)s
       ) as lowest,
       exists (
           select from inorder.parking_lot as lot
           where lot.order_id = %(order_id)s and lot.kind <> 'stray'
             and lot.version = %(version)s::bigint
             and lot.entry_id is distinct from %(entry_id)s::bigint
       ) as claimed;

-- name: pass_over
-- Places of an order that nothing was applied in, and why.
insert into inorder.ledger (order_id, ordinal, sequence_number, sub_sequence_number,
                            skipped_because)
select %(order_id)s, ordinal, %(sequence_number)s, %(sub_sequence_number)s, %(because)s
from unnest(%(ordinals)s::bigint[]) as place (ordinal);

-- name: move_head
-- The head after a decision. The head is locked.
update inorder.head
set versioned = %(versioned)s, ordinal = %(ordinal)s, state = %(state)s,
    ledger_from = coalesce(%(ledger_from)s::bigint, ledger_from),
    decided = decided or %(decided)s
where order_id = %(order_id)s;

-- name: remove
-- Take an entry out of the lot.
delete from inorder.parking_lot where entry_id = %(entry_id)s;

-- name: replace
-- Other bytes in an entry, and their identity and place.
update inorder.parking_lot
set payload = %(payload)s, id = %(id)s, version = %(version)s, digest = %(digest)s,
    rank = %(rank)s, kind = %(kind)s, reason = %(reason)s, detail = %(detail)s, attempts = 0
where entry_id = %(entry_id)s;

-- name: record
-- Who decided what and why, and what it was before.
insert into inorder.decision (action, decided_by, because, order_id, entry_id, id, version, digest,
                              sequence_number, sub_sequence_number, payload, reason, detail,
                              state_before, ordinal_before, up_to)
values (%(action)s, %(decided_by)s, %(because)s, %(order_id)s, %(entry_id)s, %(id)s, %(version)s,
        %(digest)s, %(sequence_number)s, %(sub_sequence_number)s, %(payload)s, %(reason)s,
        %(detail)s, %(state_before)s, %(ordinal_before)s, %(up_to)s);

-- name: applied_migrations
-- What yoyo has applied, by name.
select migration_id from _yoyo_migration;
