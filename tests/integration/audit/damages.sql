-- What hands, restores and bugs can do to the tables. Orders: see the fixture of the test.

-- name: a_row_in_the_middle_is_gone
delete from inorder.ledger where order_id = 'A' and ordinal = 3;

-- name: the_first_row_is_gone
delete from inorder.ledger where order_id = 'A' and ordinal = 1;

-- name: the_last_row_is_gone
delete from inorder.ledger where order_id = 'A' and ordinal = 5;

-- name: the_first_row_of_a_joined_order_is_gone
delete from inorder.ledger where order_id = 'J' and ordinal = 37;

-- name: the_head_went_back
update inorder.head set ordinal = 3 where order_id = 'A';

-- name: the_head_went_ahead
update inorder.head set ordinal = 6 where order_id = 'A';

-- name: the_head_is_gone
delete from inorder.head where order_id = 'A';

-- name: the_head_of_a_parked_order_is_gone
delete from inorder.head where order_id = 'P';

-- name: a_row_is_there_twice
alter table inorder.ledger drop constraint ledger_pkey;
alter table inorder.ledger drop constraint ledger_order_id_id_key;
insert into inorder.ledger
select * from inorder.ledger where order_id = 'A' and ordinal = 2;

-- name: one_event_has_two_places
alter table inorder.ledger drop constraint ledger_order_id_id_key;
update inorder.ledger
set id = (select id from inorder.ledger where order_id = 'A' and ordinal = 1)
where order_id = 'A' and ordinal = 4;

-- name: an_applied_event_waits_too
insert into inorder.parking_lot (order_id, rank, kind, reason, id, version, digest,
                                 sequence_number, sub_sequence_number, payload)
select order_id, ordinal, 'blocker', 'rejected', id, ordinal, digest,
       sequence_number, sub_sequence_number, 'x'
from inorder.ledger where order_id = 'P' and ordinal = 1;

-- name: one_event_waits_twice
insert into inorder.parking_lot (order_id, rank, kind, reason, id, version, digest,
                                 sequence_number, sub_sequence_number, payload)
select order_id, rank, kind, reason, id, version, digest, 1, 9, payload
from inorder.parking_lot where order_id = 'G' and version = 3;

-- name: two_rows_changed_places_in_time
update inorder.ledger set applied_at = applied_at + interval '1 minute'
where order_id = 'A' and ordinal = 3;

-- name: two_rows_changed_places_on_the_stream
update inorder.ledger set sequence_number = 0 where order_id = 'U' and ordinal = 3;

-- name: the_head_forgot_what_it_has_taken_in
update inorder.head set sequence_number = 1 where order_id = 'A';

-- name: a_waiting_event_that_the_head_has_not_seen
update inorder.parking_lot set sequence_number = 999 where order_id = 'P' and version = 4;

-- name: a_parked_order_was_opened
update inorder.head set state = 'open' where order_id = 'P';

-- name: an_open_order_was_parked
update inorder.head set state = 'parked' where order_id = 'A';

-- name: an_order_in_a_gap_was_parked
update inorder.head set state = 'parked' where order_id = 'G';

-- name: the_lot_of_a_parked_order_was_emptied
delete from inorder.parking_lot where order_id = 'P';

-- name: a_blocker_became_a_follower
update inorder.parking_lot set kind = 'follower' where order_id = 'P' and version = 1;

-- name: a_waiting_event_lost_its_place
update inorder.parking_lot set rank = 9 where order_id = 'P' and version = 3;

-- name: the_bytes_of_a_waiting_event_are_gone
update inorder.parking_lot set payload = '' where order_id = 'G' and version = 3;

-- name: an_order_forgot_whether_it_has_versions
update inorder.head set versioned = null where order_id = 'A';

-- name: a_place_was_passed_over_by_nobody
delete from inorder.decision where order_id = 'S';

-- name: an_order_forgot_that_an_operator_decided
update inorder.head set decided = false where order_id = 'S';

-- name: a_row_before_the_beginning
insert into inorder.ledger (order_id, ordinal, id, digest, type)
values ('J', 12, gen_random_uuid(), 1, 'note');
