-- Two databases of little capacity, for demonstrations. One serves so many clients at once well, and
-- no more: work on the ledger takes time as the universal scalability law has it, by sleeping, so
-- that it needs hardly any processor; everything else (locks, transactions, connections) is
-- PostgreSQL's own. In the other all is, and its processor is limited (`processor.py`).

-- name: install
-- The law's.
create schema throttle;

-- The capacity now; `clients` scales how many it serves best, `row_ms` is what a row takes alone.
create table throttle.capacity (
  clients double precision not null,
  row_ms double precision not null,
  contention double precision not null,
  coherence double precision not null
);

-- Work on so many rows takes this many milliseconds alone, times the slowdown by whoever works at
-- the same time, looked at anew every slice. A session that works holds a shared advisory lock
-- until its transaction ends: that is how they count each other.
create function throttle.work(rows bigint) returns void language plpgsql as $$
declare
  now_is throttle.capacity;
  due double precision;
  others double precision;
  slowdown double precision;
  slice double precision;
begin
  if rows = 0 then
    return;
  end if;
  perform pg_advisory_xact_lock_shared(4242, pg_backend_pid());
  select * into now_is from throttle.capacity;
  due := rows * now_is.row_ms;
  while due > 0.01 loop
    select * into now_is from throttle.capacity;
    select count(*) / now_is.clients into others
      from pg_locks where locktype = 'advisory' and classid = 4242;
    slowdown := case when others <= 1 then 1
      else 1 + now_is.contention * (others - 1) + now_is.coherence * others * (others - 1) end;
    slice := least(40, due * slowdown);
    perform pg_sleep(slice / 1000);
    due := due - slice / slowdown;
  end loop;
end $$;

create function throttle.on_rows() returns trigger language plpgsql as $$
begin
  perform throttle.work((select count(*) from added));
  return null;
end $$;

create trigger throttled after insert on inorder.ledger
  referencing new table as added for each statement execute function throttle.on_rows();

grant usage on schema throttle to public;
grant select on throttle.capacity to public;
insert into throttle.capacity values (1, 3, 0.0, 0.02777);

-- name: set_clients
-- How many times the usual number of clients is served well from now on.
update throttle.capacity set clients = %(clients)s

-- name: law_active
-- Sessions at work this moment.
select count(*) from pg_locks where locktype = 'advisory' and classid = 4242

-- name: law_bystander
-- A query of somebody else's, worth four rows.
select throttle.work(4)

-- name: processor_active
-- Sessions at work this moment, and not for the one that asks.
select count(*) from pg_stat_activity
where state = 'active' and backend_type = 'client backend' and pid <> pg_backend_pid()

-- name: processor_bystander
-- A query of somebody else's: about a millisecond of the processor.
select sum(sqrt(n)) from generate_series(1, 5000) n

-- name: outcome
-- What became of everything, and whether any order has a hole.
select
  (select count(*) from inorder.ledger) as applied,
  (select count(*) from inorder.parking_lot) as parked,
  (select count(*) from (
    select 1 from inorder.ledger group by order_id having max(ordinal) <> count(*)
  ) as holes) as orders_with_holes
