-- The plain statements of the peers, a row each.

-- name: ledger
-- An event, unless it is known.
insert into inorder.ledger (order_id, ordinal, id, digest, time, type, source, sequence_number,
                            sub_sequence_number, data)
values (%(order_id)s, %(ordinal)s, %(id)s, %(digest)s, %(time)s, %(type)s, %(source)s,
        %(sequence_number)s, %(sub_sequence_number)s, %(data)s)
on conflict do nothing;

-- name: order
-- The order as it is.
select order_id, updated_at, customer_id, placed_at, approved_at, shipped_at, delivered_at,
       canceled_at, items, payments, total, paid
from orders where order_id = %(order_id)s;

-- name: save
-- The order as it is now.
insert into orders (order_id, updated_at, customer_id, placed_at, approved_at, shipped_at,
                    delivered_at, canceled_at, items, payments, total, paid, status)
values (%(order_id)s, %(updated_at)s, %(customer_id)s, %(placed_at)s, %(approved_at)s,
        %(shipped_at)s, %(delivered_at)s, %(canceled_at)s, %(items)s, %(payments)s, %(total)s,
        %(paid)s, %(status)s)
on conflict (order_id) do update
set updated_at = excluded.updated_at, customer_id = excluded.customer_id,
    placed_at = excluded.placed_at, approved_at = excluded.approved_at,
    shipped_at = excluded.shipped_at, delivered_at = excluded.delivered_at,
    canceled_at = excluded.canceled_at, items = excluded.items, payments = excluded.payments,
    total = excluded.total, paid = excluded.paid, status = excluded.status;

-- name: head
-- How far the order has come.
insert into inorder.head (order_id, versioned, ordinal, sequence_number, sub_sequence_number)
values (%(order_id)s, true, %(ordinal)s, %(sequence_number)s, %(sub_sequence_number)s)
on conflict (order_id) do update
set versioned = excluded.versioned, ordinal = excluded.ordinal,
    sequence_number = excluded.sequence_number,
    sub_sequence_number = excluded.sub_sequence_number;

-- name: known
-- Which of these events the ledger has.
select order_id, id from inorder.ledger
where (order_id, id) in (select * from unnest(%(order_ids)s::text[], %(ids)s::uuid[]));

-- name: orders
-- These orders as they are.
select order_id, updated_at, customer_id, placed_at, approved_at, shipped_at, delivered_at,
       canceled_at, items, payments, total, paid
from orders where order_id = any(%(order_ids)s);

-- name: copy_ledger
copy inorder.ledger (order_id, ordinal, id, digest, time, type, source, sequence_number,
                     sub_sequence_number, data) from stdin (format binary);

-- name: copy_heads
copy bound.head (order_id, versioned, ordinal, sequence_number, sub_sequence_number, state)
from stdin (format binary);

-- name: copy_orders
copy bound.orders (order_id, updated_at, customer_id, placed_at, approved_at, shipped_at,
                   delivered_at, canceled_at, items, payments, total, paid, status)
from stdin (format binary);

-- name: bound_tables
-- A copy cannot update a row, so each new state of a head and an order is a new row, which is what
-- an update writes too. For that their key must not be unique; the index is the same.
create schema bound;
create table bound.head (like inorder.head including all);
alter table bound.head drop constraint head_pkey;
create index on bound.head (order_id);
create table bound.orders (like public.orders including all);
alter table bound.orders drop constraint orders_pkey;
create index on bound.orders (order_id);
