-- What each execution environment is working on, so that a death is noticed; and which
-- version of the code fails everything, so that it stops instead of parking everybody.

-- Unlogged: a commit of these rows alone waits for no disk, and after a crash of the server, when
-- they are gone, nobody is to blame for what the outage interrupted. A row is updated in place as
-- long as its environment lives, which keeps the table small without vacuum.
create unlogged table inorder.delivery (
    environment           uuid        primary key,
    marked_at             timestamptz not null,
    deadline              timestamptz,
    shard                 text        not null,
    order_id              text collate "C",
    first_sequence_number numeric,
    last_sequence_number  numeric
) with (fillfactor = 50);

comment on table  inorder.delivery is 'What each execution environment of the consumer works on';
comment on column inorder.delivery.deadline is
    'When the invocation that wrote this has ended, whatever became of it; null once it said so itself';
comment on column inorder.delivery.order_id is
    'The order it redrives; null for a batch, first to last_sequence_number';

-- One row per code version that fails and has applied nothing since; none in good times.
create table inorder.deploy (
    changed_at     timestamptz not null default clock_timestamp(),
    stopped_at     timestamptz,
    version        text        primary key,
    failing_orders text[]      not null
);

comment on table  inorder.deploy is 'Code versions whose last orders all failed unexpectedly';
comment on column inorder.deploy.failing_orders is
    'Distinct orders that failed since this version last applied an event';
comment on column inorder.deploy.stopped_at is
    'Since when this version parks nothing more; the first event it applies removes the row';

alter table inorder.parking_lot add column code_version text not null default '';

comment on column inorder.parking_lot.code_version is
    'The code that parked it: what failed unexpectedly may be replayed by the next version';
