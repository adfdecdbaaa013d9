-- What the auditor asks. Each statement sees one state of the tables; rows come in bounded numbers.

-- name: state
-- How far the audit has come; whether everything that ran when the mark was made is over; whether
-- the mark is of a later time than this database's, which it is after a restore.
select audit.audited_to, audit.marked_at, audit.swept_to,
       coalesce(pg_snapshot_xmin(pg_current_snapshot()) > audit.marker, false) as settled,
       coalesce(pg_snapshot_xmax(pg_current_snapshot()) <= audit.marker, true) as unusable,
       clock_timestamp() as now
from inorder.audit;

-- name: mark
-- Note a transaction id that is later than any that has written before `at`.
update inorder.audit set marked_at = %(at)s, marker = pg_current_xact_id();

-- name: audited
-- Everything before this time is audited; another auditor may have come further.
update inorder.audit set audited_to = greatest(audited_to, %(to)s);

-- name: swept
-- Orders up to this one are swept.
update inorder.audit set swept_to = %(to)s;

-- name: rows_between
-- How many rows were applied in this span.
select count(*) from inorder.ledger where applied_at >= %(from)s and applied_at < %(to)s;

-- name: suspects_between
-- Orders with a fault in a row that was applied in this span.
select distinct order_id from inorder.ledger_fault
where applied_at >= %(from)s and applied_at < %(to)s
limit %(limit)s;

-- name: orders_waiting
-- A page of orders that wait or have entries in the lot.
select order_id from (
    (
        select head.order_id from inorder.head
        where head.state <> 'open' and head.order_id > %(after)s
        order by head.order_id limit %(limit)s
    )
    union
    (
        select distinct lot.order_id from inorder.parking_lot as lot
        where lot.order_id > %(after)s
        order by lot.order_id limit %(limit)s
    )
) as waiting
order by order_id
limit %(limit)s;

-- name: orders
-- A page of all orders.
select head.order_id from inorder.head
where head.order_id > %(after)s
order by head.order_id
limit %(limit)s;

-- name: suspects_waiting
-- Of these orders, those with a fault in their head or lot.
select asked.order_id
from unnest(%(order_ids)s::text[]) as asked (order_id)
where exists (select from inorder.head_fault as fault where fault.order_id = asked.order_id)
   or exists (select from inorder.lot_fault as fault where fault.order_id = asked.order_id);

-- name: suspects_among
-- Of these orders, those with a fault anywhere.
select asked.order_id
from unnest(%(order_ids)s::text[]) as asked (order_id)
where exists (select from inorder.head_fault as fault where fault.order_id = asked.order_id)
   or exists (select from inorder.lot_fault as fault where fault.order_id = asked.order_id)
   or exists (select from inorder.ledger_fault as fault where fault.order_id = asked.order_id);

-- name: known_suspects
-- Orders that were suspect before.
select order_id from inorder.suspect order by order_id limit %(limit)s;

-- name: suspect
-- Look at these orders again in the next run.
insert into inorder.suspect (order_id)
select unnest(%(order_ids)s::text[])
on conflict do nothing;

-- name: clear
-- These orders are sound again.
delete from inorder.suspect where order_id = any (%(order_ids)s::text[]);

-- name: faults
-- Everything that is wrong with these orders, up to a number of faults for each.
select asked.order_id, fault.place, fault.name, fault.detail
from unnest(%(order_ids)s::text[]) as asked (order_id)
cross join lateral (
    select 'head' as place, head_fault.fault as name, head_fault.detail
    from inorder.head_fault where head_fault.order_id = asked.order_id
    union all
    select 'ledger ' || ledger_fault.ordinal, ledger_fault.fault, ledger_fault.detail
    from inorder.ledger_fault where ledger_fault.order_id = asked.order_id
    union all
    select 'entry ' || lot_fault.entry_id, lot_fault.fault, lot_fault.detail
    from inorder.lot_fault where lot_fault.order_id = asked.order_id
    limit %(limit)s
) as fault;

-- name: waiting
-- What waits: for the metrics that alarms go by.
select (select count(*) from inorder.head where state = 'parked') as orders_parked,
       (select count(*) from inorder.head where state = 'gap') as orders_in_gap,
       count(*) filter (where lot.kind <> 'stray') as events_waiting,
       count(*) filter (where lot.kind = 'stray') as strays_waiting,
       coalesce(extract(
           epoch from clock_timestamp() - min(lot.parked_at) filter (where lot.kind = 'blocker')
       ), 0)::float8 as oldest_parked_seconds,
       coalesce(extract(epoch from clock_timestamp() - (
           select min(early.parked_at)
           from inorder.head join inorder.parking_lot as early using (order_id)
           where head.state = 'gap' and early.kind <> 'stray'
       )), 0)::float8 as oldest_gap_seconds
from inorder.parking_lot as lot;

-- name: known_receipts
-- Which of these events the tables know: applied, waiting, or on record as skipped or edited; by
-- id, by version where the receipt has one, or by the place on the stream; which lie before what the
-- ledger keeps of their order; and how far each order has come on the stream.
select asked.n,
       exists (
           select from inorder.ledger
           where ledger.order_id = asked.order_id and ledger.id = asked.id
       ) or exists (
           select from inorder.ledger
           where ledger.order_id = asked.order_id and ledger.ordinal = asked.version
             and head.versioned and ledger.id is not null
       ) as applied,
       exists (
           select from inorder.parking_lot as lot
           where lot.order_id = asked.order_id
             and (lot.id = asked.id
                  or (lot.sequence_number = asked.sequence_number
                      and lot.sub_sequence_number = asked.sub_sequence_number))
       ) as waiting,
       exists (
           select from inorder.decision
           where decision.order_id = asked.order_id
             and (decision.id = asked.id
                  or (decision.sequence_number = asked.sequence_number
                      and decision.sub_sequence_number = asked.sub_sequence_number))
       ) as decided,
       head.ledger_from > 1 and case
           when head.versioned and asked.version is not null
               then asked.version < head.ledger_from
           else coalesce(
               (asked.sequence_number, asked.sub_sequence_number)
                   < (first.sequence_number, first.sub_sequence_number),
               head.ledger_from > head.ordinal
           )
       end and (asked.sequence_number, asked.sub_sequence_number)
               <= (head.sequence_number, head.sub_sequence_number) as pruned,
       coalesce((asked.sequence_number, asked.sub_sequence_number)
                <= (head.sequence_number, head.sub_sequence_number), false) as passed
from unnest(%(ns)s::bigint[], %(order_ids)s::text[], %(ids)s::uuid[], %(versions)s::bigint[],
            %(sequence_numbers)s::numeric[], %(sub_sequence_numbers)s::bigint[])
     as asked (n, order_id, id, version, sequence_number, sub_sequence_number)
left join lateral (
    select * from inorder.head where head.order_id = asked.order_id limit 1
) as head on true
left join lateral (
    select * from inorder.ledger
    where ledger.order_id = asked.order_id and ledger.ordinal = head.ledger_from
    limit 1
) as first on true
order by asked.n;
