-- What pruning asks and removes. Each piece is a transaction: `lock`, then `remove`.

-- name: state
-- How far the last run came; only what is audited may go; how many blocks the ledger has.
select retention.keep, retention.next_block, retention.before,
       coalesce(retention.due_at <= clock_timestamp(), true) as due,
       audit.audited_to, clock_timestamp() as now,
       pg_relation_size('inorder.ledger') / current_setting('block_size')::bigint as blocks
from inorder.retention, inorder.audit;

-- name: begin_pass
-- From the first block on, rows applied before this time.
update inorder.retention
set keep = %(keep)s, next_block = 0, before = %(before)s, ran_at = clock_timestamp();

-- name: walked
-- Blocks up to this one are done.
update inorder.retention
set next_block = %(next_block)s, rows_pruned = rows_pruned + %(rows)s, ran_at = clock_timestamp();

-- name: end_pass
-- All blocks are done, and the next pass begins some time after.
update inorder.retention
set next_block = 0, pruned_to = before, due_at = %(due_at)s, ran_at = clock_timestamp();

-- name: keep_for_ever
-- Nothing is pruned any more.
update inorder.retention set keep = null, next_block = 0, due_at = null where keep is not null;

-- name: find
-- The orders that have rows in these blocks which were applied before this time, sorted, and the
-- last such row of each.
select ledger.order_id, max(ledger.ordinal)
from inorder.ledger
where ledger.ctid >= format('(%%s,0)', %(from)s::bigint)::tid
  and ledger.ctid < format('(%%s,0)', %(to)s::bigint)::tid
  and ledger.applied_at < %(before)s
group by ledger.order_id
order by ledger.order_id;

-- name: lock
-- Lock the heads that nobody else has locked; one that is locked is left for the next pass.
select head.order_id, head.ledger_from
from unnest(%(order_ids)s::text[]) as wanted (order_id)
cross join lateral (
    select * from inorder.head
    where head.order_id = wanted.order_id
    for no key update skip locked
) as head;

-- name: remove
-- Remove each order's rows between these places, and let its head say where the ledger now begins.
-- The heads exist and are locked: the insert only finds them, without a plan that could go wrong.
with doomed as (
    select known.ctid
    from unnest(%(order_ids)s::text[], %(firsts)s::bigint[], %(lasts)s::bigint[])
         as asked (order_id, first, last)
    cross join lateral (
        select ledger.ctid from inorder.ledger
        where ledger.order_id = asked.order_id
          and ledger.ordinal between asked.first and asked.last
        offset 0
    ) as known
), removed as (
    delete from inorder.ledger where ctid = any (array(select doomed.ctid from doomed))
    returning 1
), moved as (
    insert into inorder.head as head (order_id, ledger_from)
    select order_id, last + 1
    from unnest(%(order_ids)s::text[], %(lasts)s::bigint[]) as row (order_id, last)
    on conflict (order_id) do update
    set ledger_from = greatest(head.ledger_from, excluded.ledger_from)
)
select count(*) from removed;
