-- name: load
-- The rows of these orders, a probe each: without `offset 0` the planner makes a join of it, and
-- scans a table that was never analysed.
select orders.order_id, orders.updated_at, orders.customer_id, orders.placed_at,
       orders.approved_at, orders.shipped_at, orders.delivered_at, orders.canceled_at,
       orders.items, orders.payments, orders.total, orders.paid
from unnest(%(order_ids)b::text[]) as wanted (order_id)
cross join lateral (
    select * from orders where orders.order_id = wanted.order_id
    offset 0
) as orders;

-- name: save
-- Insert or replace the rows; they come sorted by order ID.
insert into orders (order_id, updated_at, customer_id, placed_at, approved_at, shipped_at,
                    delivered_at, canceled_at, items, payments, total, paid, status)
select *
from unnest(%(order_id)b::text[], %(updated_at)b::timestamptz[], %(customer_id)b::text[],
            %(placed_at)b::timestamptz[], %(approved_at)b::timestamptz[],
            %(shipped_at)b::timestamptz[], %(delivered_at)b::timestamptz[],
            %(canceled_at)b::timestamptz[], %(items)b::bigint[], %(payments)b::bigint[],
            %(total)b::text[]::numeric[], %(paid)b::text[]::numeric[], %(status)b::text[])
on conflict (order_id) do update
set updated_at = excluded.updated_at,
    customer_id = excluded.customer_id,
    placed_at = excluded.placed_at,
    approved_at = excluded.approved_at,
    shipped_at = excluded.shipped_at,
    delivered_at = excluded.delivered_at,
    canceled_at = excluded.canceled_at,
    items = excluded.items,
    payments = excluded.payments,
    total = excluded.total,
    paid = excluded.paid,
    status = excluded.status;
