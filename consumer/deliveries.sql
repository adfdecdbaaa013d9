-- Markers and the stop of a code version: each of these statements is a transaction of its own.

-- name: begin
-- Say what this environment works on, in the one row it has; `seconds` is what its invocation has
-- left, counted from here, which is never before it really ends. And read what others say of these
-- parts of the shard, or of redrives of this order, a row for each; what was said before the server
-- started tells of its outage and of nothing else. An environment that is new here
-- forgets those that ended long ago, deaths too old to be of what is delivered now, and of those
-- that say the same all but the first hundred: it may be new because everything dies.
with tidied as (
    delete from inorder.delivery
    where environment in (
        select environment from inorder.delivery
        where not exists (select from inorder.delivery where environment = %(environment)b)
          and environment in (
              select environment
              from (
                  select environment, marked_at,
                         row_number() over (
                             partition by shard, order_id, first_sequence_number
                             order by marked_at
                         ) as place
                  from inorder.delivery
              ) as known
              where place > 100 or marked_at < clock_timestamp() - interval '1 day'
          )
        for update skip locked
    )
), mine as (
    insert into inorder.delivery as mine (environment, shard, first_sequence_number,
                                          last_sequence_number, order_id, marked_at, deadline)
    values (%(environment)b, %(shard)b, %(first)b, %(last)b, %(order_id)b,
            clock_timestamp(), clock_timestamp() + make_interval(secs => %(seconds)b))
    on conflict (environment) do update
    set shard = excluded.shard,
        first_sequence_number = excluded.first_sequence_number,
        last_sequence_number = excluded.last_sequence_number,
        order_id = excluded.order_id,
        marked_at = excluded.marked_at,
        deadline = excluded.deadline
)
select other.environment, other.shard, other.first_sequence_number, other.last_sequence_number,
       other.order_id, other.deadline < clock_timestamp() as dead
from inorder.delivery as other
where other.environment <> %(environment)b
  and other.deadline is not null
  and other.marked_at >= pg_postmaster_start_time()
  and (other.order_id = %(order_id)b
       or (other.shard = %(shard)b and other.first_sequence_number <= %(last)b
           and other.last_sequence_number >= %(first)b));

-- name: end
-- This environment's invocation ended in order, and so made these other markers obsolete.
with settled as (
    delete from inorder.delivery
    where environment = any(%(settled)b::uuid[]) and environment <> %(environment)b
)
update inorder.delivery set deadline = null
where environment = %(environment)b and deadline is not null;

-- name: die
-- This environment's process is about to end for want of memory: it need not be waited for.
update inorder.delivery set deadline = clock_timestamp()
where environment = %(environment)b and deadline is not null;

-- name: stop
-- This version parks nothing more, from now on or as before.
insert into inorder.deploy as known (version, failing_orders, stopped_at)
values (%(version)b, %(orders)b::text[], clock_timestamp())
on conflict (version) do update
set failing_orders = excluded.failing_orders,
    stopped_at = coalesce(known.stopped_at, excluded.stopped_at),
    changed_at = excluded.changed_at;
