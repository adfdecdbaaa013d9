-- A ledger with a past: filled without its indexes, which are made afterwards as they were.

-- name: without_keys
-- What is to be filled is filled faster so.
alter table inorder.ledger drop constraint ledger_pkey, drop constraint ledger_order_id_id_key;
alter table inorder.head drop constraint head_pkey;
drop index inorder.head_waiting;

-- name: fill
-- Orders with so many rows each, applied so many days ago, and their heads; rows of an order lie as
-- far apart as they would if orders ran side by side.
insert into inorder.ledger (order_id, ordinal, id, digest, time, type, source, sequence_number,
                            sub_sequence_number, data, applied_at)
select %(prefix)s || lpad(number::text, 7, '0'), version,
       md5(number::text || '-' || version)::uuid, number, applied_at, 'ItemAdded', 'bench',
       49500000000000000000000000000000000000000000000000000000 + version * 1000000000 + number, 0,
       json_build_object('price', '12.50', 'note', repeat(md5(number::text), 3)), applied_at
from generate_series(1, %(versions)s::bigint) as version,
     generate_series(1, %(orders)s::bigint) as number,
     lateral (
         select clock_timestamp() - %(days)s * interval '1 day' as applied_at where number > 0
     ) as moment;
insert into inorder.head (order_id, versioned, ordinal, sequence_number, sub_sequence_number)
select %(prefix)s || lpad(number::text, 7, '0'), true, %(versions)s,
       49500000000000000000000000000000000000000000000000000000
           + %(versions)s * 1000000000::numeric + number, 0
from generate_series(1, %(orders)s::bigint) as number;

-- name: with_keys
-- As the migrations made them.
alter table inorder.ledger add primary key (order_id, ordinal), add unique (order_id, id);
alter table inorder.head add primary key (order_id);
create index head_waiting on inorder.head (order_id) where state <> 'open';

-- name: audited
-- All of it was looked at by the auditor.
update inorder.audit set audited_to = clock_timestamp();

-- name: sizes
-- Bytes of the tables and of their indexes.
select relname, pg_relation_size(oid)
from pg_class
where relnamespace in ('inorder'::regnamespace, 'public'::regnamespace) and relkind in ('r', 'i')
  and (relname ~ '^(ledger|head|orders)');

-- name: wal
-- Bytes of write-ahead log since the server was made.
select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint;

-- name: advance
-- One more event for so many orders, spread over all of them; another `turn` takes others.
with chosen as (
    select distinct %(prefix)s
        || lpad((1 + (n * 7919 + %(turn)s * 104729) %% %(orders)s)::text, 7, '0') as order_id
    from generate_series(1, %(events)s::bigint) as n
), advanced as (
    update inorder.head set ordinal = head.ordinal + 1, sequence_number = head.sequence_number + 1e9
    from chosen where head.order_id = chosen.order_id
    returning head.order_id, head.ordinal, head.sequence_number, head.sub_sequence_number
)
insert into inorder.ledger (order_id, ordinal, id, digest, time, type, source, sequence_number,
                            sub_sequence_number, data)
select order_id, ordinal, gen_random_uuid(), ordinal, clock_timestamp(), 'ItemAdded', 'bench',
       sequence_number, sub_sequence_number, '{"price": "12.50"}'
from advanced;

-- name: blocks
-- Blocks that were looked at since the server was made, and those of them that were not in its
-- memory.
select blks_hit + blks_read, blks_read from pg_stat_database where datname = current_database();

-- name: size
-- Bytes of this database.
select pg_database_size(current_database());
