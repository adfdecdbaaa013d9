-- name: clock
select clock_timestamp();

-- name: server_version
select current_setting('server_version');

-- name: applied
select ledger.order_id, ledger.ordinal, ledger.id, ledger.digest, head.versioned,
       ledger.applied_at, ledger.type, ledger.source, ledger.time, ledger.data::text
from unnest(%(order_ids)b::text[]) as asked (order_id)
cross join lateral (
    select * from inorder.ledger
    where ledger.order_id = asked.order_id and ledger.skipped_because is null
) as ledger
join inorder.head on head.order_id = ledger.order_id
order by ledger.order_id, ledger.ordinal;

-- name: waiting
select lot.order_id, lot.id, lot.version, lot.digest, lot.kind, lot.reason, lot.detail
from unnest(%(order_ids)b::text[]) as asked (order_id)
cross join lateral (
    select * from inorder.parking_lot as lot where lot.order_id = asked.order_id
) as lot
order by lot.order_id, lot.rank, lot.entry_id;
