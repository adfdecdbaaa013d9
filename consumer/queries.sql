-- Every statement the consumer sends, one per name. All are set-based: a batch of any size costs
-- the same number of round trips. Arrays come in as binary parameters, and rows are found by a
-- probe per element (LATERAL), because `= any(array)` scans a table that was never analysed; and
-- with `offset 0`, since without it the planner makes a join of the probes, by a scan again.
-- Under READ COMMITTED a statement reads what was committed when it began: so heads are inserted,
-- then locked, then everything else is read, in statements of their own.

-- name: connection_state
-- What a new connection has to be like before anything is written through it.
select current_setting('synchronous_commit') as synchronous_commit,
       pg_is_in_recovery() as read_only;

-- name: add_heads
-- Give every order a head; ids come sorted, so that two batches cannot wait for each other.
insert into inorder.head (order_id)
select unnest(%(order_ids)b::text[])
on conflict do nothing;

-- name: lock_heads
-- Lock the heads in the order given (sorted) and read them: the fence against any other invocation.
select head.order_id, head.versioned, head.ordinal, head.sequence_number::text as sequence_number,
       head.sub_sequence_number, head.state, head.decided
from unnest(%(order_ids)b::text[]) as wanted (order_id)
cross join lateral (
    select * from inorder.head where head.order_id = wanted.order_id for no key update
) as head;

-- name: facts_in_ledger
-- What the ledger knows under these ids, and under these versions that lie behind the head.
select asked.order_id, known.id, known.ordinal, known.digest
from unnest(%(id_orders)b::text[], %(ids)b::uuid[]) as asked (order_id, id)
cross join lateral (
    select ledger.id, ledger.ordinal, ledger.digest
    from inorder.ledger
    where ledger.order_id = asked.order_id and ledger.id = asked.id
    offset 0
) as known
union all
select asked.order_id, known.id, known.ordinal, known.digest
from unnest(%(version_orders)b::text[], %(versions)b::bigint[]) as asked (order_id, version)
cross join lateral (
    select ledger.id, ledger.ordinal, ledger.digest
    from inorder.ledger
    where ledger.order_id = asked.order_id and ledger.ordinal = asked.version
    offset 0
) as known;

-- name: facts_in_lot
-- What the lot knows under these ids, versions and positions.
select asked.order_id, known.id, known.version, known.digest,
       known.sequence_number, known.sub_sequence_number
from unnest(%(id_orders)b::text[], %(ids)b::uuid[]) as asked (order_id, id)
cross join lateral (
    select * from inorder.parking_lot as lot
    where lot.order_id = asked.order_id and lot.id = asked.id
    offset 0
) as known
union all
select asked.order_id, known.id, known.version, known.digest,
       known.sequence_number, known.sub_sequence_number
from unnest(%(version_orders)b::text[], %(versions)b::bigint[]) as asked (order_id, version)
cross join lateral (
    select * from inorder.parking_lot as lot
    where lot.order_id = asked.order_id and lot.version = asked.version
    offset 0
) as known
union all
select asked.order_id, null, null, null, known.sequence_number, known.sub_sequence_number
from unnest(%(position_orders)b::text[], %(sequence_numbers)b::numeric[],
            %(sub_sequence_numbers)b::bigint[])
     as asked (order_id, sequence_number, sub_sequence_number)
cross join lateral (
    select lot.sequence_number, lot.sub_sequence_number
    from inorder.parking_lot as lot
    where lot.order_id = asked.order_id
      and lot.sequence_number = asked.sequence_number
      and lot.sub_sequence_number = asked.sub_sequence_number
    offset 0
) as known;

-- name: settled
-- Events, as they came, that an operator has skipped or edited: they are known too.
select asked.order_id, known.id, known.version, known.digest,
       known.sequence_number, known.sub_sequence_number
from unnest(%(order_ids)b::text[]) as asked (order_id)
cross join lateral (
    select * from inorder.decision
    where decision.order_id = asked.order_id and decision.action in ('skip', 'edit')
    offset 0
) as known;

-- name: waiting
-- Whether an order's lot holds a blocker, its highest rank, and if nothing blocks it the first
-- entries in redrive order: at most `limit` of them, and after the second none beyond `bytes` of
-- payload; `found` counts them before that cut. One row without an entry for a lot that is blocked.
select asked.order_id, first.entry_id, first.rank, first.kind, first.partition_key,
       first.sequence_number, first.sub_sequence_number, first.payload, first.reason, first.detail,
       first.found, whole.blocked, whole.last_rank
from unnest(%(order_ids)b::text[]) as asked (order_id)
cross join lateral (
    select exists (
               select from inorder.parking_lot as lot
               where lot.order_id = asked.order_id and lot.kind = 'blocker'
           ) as blocked,
           (
               select max(lot.rank) from inorder.parking_lot as lot
               where lot.order_id = asked.order_id and lot.kind <> 'stray'
           ) as last_rank
) as whole
left join lateral (
    select entries.*,
           count(*) over () as found,
           row_number() over sofar as place,
           sum(octet_length(entries.payload)) over sofar
               - octet_length(entries.payload) as bytes_before
    from (
        select * from inorder.parking_lot as lot
        where lot.order_id = asked.order_id and lot.kind <> 'stray' and not whole.blocked
        order by lot.rank, lot.entry_id
        limit %(limit)b
    ) as entries
    window sofar as (order by entries.rank, entries.entry_id)
) as first on first.place <= 2 or first.bytes_before < %(bytes)b
order by asked.order_id, first.rank, first.entry_id;

-- name: count_failing
-- Add orders to those that failed since this code version last applied an event. The row's lock
-- lets one transaction count at a time, so that no two park what only one of them may.
insert into inorder.deploy as known (version, failing_orders)
select %(version)b, array(select distinct unnest(%(orders)b::text[]))
on conflict (version) do update
set failing_orders = array(
        select unnest(known.failing_orders) union select unnest(excluded.failing_orders)
    ),
    changed_at = excluded.changed_at
returning failing_orders, stopped_at is not null as stopped;

-- name: advance
-- Write the ledger and move the heads. The heads exist and are locked: the insert only finds them.
-- Beside that, whatever it costs no round trip to say: that this code version works, and that this
-- environment has ended in order.
with applied as (
    insert into inorder.ledger (order_id, ordinal, id, digest, time, type, source,
                                sequence_number, sub_sequence_number, data)
    select order_id, ordinal, id, digest, time, type, source,
           sequence_number, sub_sequence_number, data::json
    from unnest(%(order_ids)b::text[], %(ordinals)b::bigint[], %(ids)b::uuid[],
                %(digests)b::bigint[], %(times)b::timestamptz[], %(types)b::text[],
                %(sources)b::text[], %(sequence_numbers)b::text[]::numeric[],
                %(sub_sequence_numbers)b::bigint[], %(data)b::text[])
         as row (order_id, ordinal, id, digest, time, type, source,
                 sequence_number, sub_sequence_number, data)
), works as (
    delete from inorder.deploy where version = %(succeeded)b
), ended as (
    update inorder.delivery set deadline = null where environment = %(ended)b
)
insert into inorder.head as head (order_id, versioned, ordinal, sequence_number,
                                  sub_sequence_number, state)
select *
from unnest(%(head_orders)b::text[], %(head_versioned)b::boolean[], %(head_ordinals)b::bigint[],
            %(head_sequence_numbers)b::text[]::numeric[],
            %(head_sub_sequence_numbers)b::bigint[],
            %(head_states)b::text[])
on conflict (order_id) do update
set versioned = excluded.versioned,
    ordinal = excluded.ordinal,
    sequence_number = excluded.sequence_number,
    sub_sequence_number = excluded.sub_sequence_number,
    state = excluded.state;

-- name: park
-- Put events into the lot; one that stands at the same position is there already, and bytes of no
-- known order that an operator has skipped are known by their position too.
insert into inorder.parking_lot (order_id, rank, kind, reason, detail, id, version, digest,
                                 partition_key, sequence_number, sub_sequence_number, payload,
                                 code_version)
select order_id, rank, kind, reason, detail, id, version, digest,
       partition_key, sequence_number, sub_sequence_number, payload, %(code_version)b
from unnest(%(order_ids)b::text[], %(ranks)b::bigint[], %(kinds)b::text[], %(reasons)b::text[],
            %(details)b::text[], %(ids)b::uuid[], %(versions)b::bigint[], %(digests)b::bigint[],
            %(partition_keys)b::text[], %(sequence_numbers)b::numeric[],
            %(sub_sequence_numbers)b::bigint[], %(payloads)b::bytea[])
     with ordinality
     as row (order_id, rank, kind, reason, detail, id, version, digest,
             partition_key, sequence_number, sub_sequence_number, payload, place)
where row.order_id is not null or not exists (
    select from inorder.decision
    where decision.order_id is null
      and decision.action = 'skip'
      and decision.sequence_number = row.sequence_number
      and decision.sub_sequence_number = row.sub_sequence_number
)
order by place
on conflict do nothing;

-- name: unpark
-- Take applied entries out of the lot.
delete from inorder.parking_lot
using unnest(%(entry_ids)b::bigint[]) as drained (entry_id)
where parking_lot.entry_id = drained.entry_id;

-- name: refuse
-- Entries that waited, were next and failed: they need a decision now.
update inorder.parking_lot
set kind = 'blocker', reason = refused.reason, detail = refused.detail,
    code_version = %(code_version)b
from unnest(%(entry_ids)b::bigint[], %(reasons)b::text[], %(details)b::text[])
     as refused (entry_id, reason, detail)
where parking_lot.entry_id = refused.entry_id;
