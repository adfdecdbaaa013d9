-- The consumer's own tables: how far each order has come, what was applied, what waits.

create schema if not exists inorder;

comment on schema inorder is 'Order events applied once and in order: heads, ledger, parking lot';

-- One row per order, for ever. Every transaction locks the heads of its orders first.
create table inorder.head (
    ordinal             bigint   not null default 0,
    sub_sequence_number bigint,
    versioned           boolean,
    state               text     not null default 'open'
                        check (state in ('open', 'gap', 'parked')),
    order_id            text collate "C" primary key,
    sequence_number     numeric
) with (fillfactor = 90);

comment on table  inorder.head is 'How far each order has come; never deleted';
comment on column inorder.head.ordinal is
    'Events behind this order, applied or skipped; the version of the last one if it is versioned';
comment on column inorder.head.versioned is
    'Whether the events of this order carry versions: set by the first readable one';
comment on column inorder.head.sequence_number is
    'With sub_sequence_number: the highest position on the stream taken in so far';
comment on column inorder.head.state is
    'open: the next event applies. gap: waits for a version. parked: waits for a decision';

-- One row per applied event, written in the transaction that changes the projection.
create table inorder.ledger (
    ordinal             bigint      not null,
    id                  uuid,
    digest              bigint,
    time                timestamptz,
    applied_at          timestamptz not null default clock_timestamp(),
    sub_sequence_number bigint,
    order_id            text collate "C" not null,
    type                text,
    source              text,
    sequence_number     numeric,
    data                json,
    skipped_because     text,
    primary key (order_id, ordinal),
    unique (order_id, id),
    check (skipped_because is not null
           or (id is not null and digest is not null and type is not null))
);

comment on table  inorder.ledger is 'Applied events, 1, 2, 3 … per order';
comment on column inorder.ledger.ordinal is
    'The event''s place in its order: its version, or a count where there are no versions';
comment on column inorder.ledger.digest is
    '64 bits over type and data: tells a re-send from other content under the same id';
comment on column inorder.ledger.skipped_because is
    'Set where an operator passed over this place of the order instead of applying an event';

-- Events that wait, as they came.
create table inorder.parking_lot (
    entry_id            bigint generated always as identity primary key,
    rank                bigint      not null,
    id                  uuid,
    version             bigint,
    digest              bigint,
    parked_at           timestamptz not null default clock_timestamp(),
    sub_sequence_number bigint      not null,
    attempts            integer     not null default 0,
    kind                text        not null
                        check (kind in ('blocker', 'follower', 'gap', 'stray')),
    order_id            text collate "C",
    reason              text        not null,
    detail              text        not null default '',
    partition_key       text        not null default '',
    sequence_number     numeric     not null,
    payload             bytea       not null,
    unique nulls not distinct (order_id, sequence_number, sub_sequence_number)
);

create index parking_lot_in_order on inorder.parking_lot (order_id, rank, entry_id);
create index parking_lot_by_id on inorder.parking_lot (order_id, id) where id is not null;
create index parking_lot_by_version on inorder.parking_lot (order_id, version)
    where version is not null;
create index parking_lot_blockers on inorder.parking_lot (order_id) where kind = 'blocker';

comment on table  inorder.parking_lot is 'Events of orders that wait, in order, with their reason';
comment on column inorder.parking_lot.kind is
    'blocker: needs a decision. follower: waits behind one. gap: waits for an earlier version. '
    'stray: belongs to no order that is known, or cannot be told from a duplicate; blocks nothing';
comment on column inorder.parking_lot.rank is
    'With entry_id the order of redrive: the version, or the arrival where there is none';
comment on column inorder.parking_lot.payload is 'The event''s bytes as they came';
comment on column inorder.parking_lot.detail is 'Why, in words';
