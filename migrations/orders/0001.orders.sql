-- The projection that is shipped: one row per order. Replace it by your own tables.

create table public.orders (
    placed_at    timestamptz,
    approved_at  timestamptz,
    shipped_at   timestamptz,
    delivered_at timestamptz,
    canceled_at  timestamptz,
    updated_at   timestamptz not null,
    items        integer     not null default 0,
    payments     integer     not null default 0,
    order_id     text collate "C" primary key,
    status       text        not null,
    customer_id  text,
    total        numeric     not null default 0,
    paid         numeric     not null default 0
) with (fillfactor = 90);

comment on table  public.orders is 'Orders as their events tell them';
comment on column public.orders.status is
    'pending, placed, approved, shipped, delivered or canceled: the furthest the facts say';
comment on column public.orders.total is 'Sum of price and freight of the items added';
comment on column public.orders.paid is 'Sum of the payments received';
comment on column public.orders.updated_at is 'Time of the last event applied, by its own clock';
