-- What redrive asks of an order's head and lot beyond what live traffic does. Under READ COMMITTED
-- the head is locked by a statement of its own, and everything else is read after it.

-- name: lock_head
-- Lock one head and read it; no row for an order that nobody has seen.
select head.order_id, head.versioned, head.ordinal, head.sequence_number,
       head.sub_sequence_number, head.state, head.decided
from inorder.head
where head.order_id = %(order_id)s
for no key update;

-- name: first_entries
-- The first entries of the lot in redrive order: at most so many, and after the first no more than
-- fit in so many bytes.
select bounded.entry_id, bounded.rank, bounded.kind, bounded.partition_key,
       bounded.sequence_number, bounded.sub_sequence_number, bounded.payload,
       bounded.reason, bounded.detail
from (
    select first.*,
           sum(octet_length(first.payload)) over (order by first.rank, first.entry_id)
               - octet_length(first.payload) as bytes_before
    from (
        select * from inorder.parking_lot as lot
        where lot.order_id = %(order_id)s and lot.kind <> 'stray'
        order by lot.rank, lot.entry_id
        limit %(entries)s
    ) as first
) as bounded
where bounded.bytes_before < %(bytes)s
order by bounded.rank, bounded.entry_id;

-- name: behind
-- Whether entries follow this one in the lot, and whether one of those needs a decision.
select exists (
           select from inorder.parking_lot as lot
           where lot.order_id = %(order_id)s and lot.kind <> 'stray'
             and (lot.rank, lot.entry_id) > (%(rank)s, %(entry_id)s)
       ) as more,
       exists (
           select from inorder.parking_lot as lot
           where lot.order_id = %(order_id)s and lot.kind = 'blocker'
             and (lot.rank, lot.entry_id) > (%(rank)s, %(entry_id)s)
       ) as blocked;

-- name: facts
-- What the ledger knows of this order under these ids and versions.
select known.id, known.ordinal, known.digest
from unnest(%(ids)b::uuid[]) as asked (id)
cross join lateral (
    select * from inorder.ledger
    where ledger.order_id = %(order_id)s and ledger.id = asked.id
) as known
union
select known.id, known.ordinal, known.digest
from unnest(%(versions)b::bigint[]) as asked (version)
cross join lateral (
    select * from inorder.ledger
    where ledger.order_id = %(order_id)s and ledger.ordinal = asked.version
) as known;

-- name: highest_applied
-- The highest position of an event that was applied. Reads the order's whole ledger, and is only
-- asked for an order that was overtaken.
select ledger.sequence_number, ledger.sub_sequence_number
from inorder.ledger
where ledger.order_id = %(order_id)s
  and ledger.skipped_because is null
  and ledger.sequence_number is not null
order by ledger.sequence_number desc, ledger.sub_sequence_number desc
limit 1;

-- name: count_attempt
-- One more failed attempt; a killer's was counted before it was tried.
update inorder.parking_lot
set attempts = attempts + 1
where entry_id = %(entry_id)s and %(before)s <> 'killer';

-- name: announce
-- Count the attempt on a killer before it is made, however it ends.
update inorder.parking_lot
set attempts = attempts + 1, code_version = %(code_version)s
where entry_id = (
        select lot.entry_id from inorder.parking_lot as lot
        where lot.order_id = %(order_id)s and lot.kind <> 'stray'
        order by lot.rank, lot.entry_id
        limit 1
    )
  and reason = 'killer'
returning entry_id;

-- name: first_position
-- Where the first entry of a lot stands on the stream.
select lot.sequence_number, lot.sub_sequence_number
from inorder.parking_lot as lot
where lot.order_id = %(order_id)s and lot.kind <> 'stray'
order by lot.rank, lot.entry_id
limit 1;

-- name: move
-- Give an entry the place that its version asks for.
update inorder.parking_lot
set rank = %(rank)s, kind = %(kind)s, reason = %(reason)s, detail = %(detail)s,
    id = %(id)s, version = %(version)s, digest = %(digest)s
where entry_id = %(entry_id)s;

-- name: parked_orders
-- Orders in the parking lot after this one, in their order: those with a blocker of the reason
-- asked for, or all that nobody has to ask for by name; or only those that wait for nothing but
-- somebody to go on, or whose blocker may have been the fault of another version of the code.
select head.order_id
from inorder.head
where head.state = 'parked'
  and head.order_id > %(after)s
  and case %(which)s
      when 'reason' then exists (
          select from inorder.parking_lot as lot
          where lot.order_id = head.order_id and lot.kind = 'blocker'
            and lot.reason = %(reason)s
      )
      when 'drainable' then not exists (
          select from inorder.parking_lot as lot
          where lot.order_id = head.order_id and lot.kind = 'blocker'
      )
      when 'outdated' then exists (
          select from (
              select lot.reason, lot.code_version from inorder.parking_lot as lot
              where lot.order_id = head.order_id and lot.kind = 'blocker'
              order by lot.rank, lot.entry_id
              limit 1
          ) as first
          where first.reason in ('failed', 'data_error', 'unknown_type', 'killer')
            and first.code_version <> %(code_version)s
      )
      else not exists (
          select from inorder.parking_lot as lot
          where lot.order_id = head.order_id and lot.kind = 'blocker'
            and lot.reason = 'killer'
      )
      end
order by head.order_id
limit %(limit)s;
