-- What the operator's command line decides, beside what the consumer may do, which redrive does too.
grant usage on schema inorder to {role};
grant select on all tables in schema inorder to {role};
grant insert, update on inorder.head to {role};
grant insert on inorder.ledger, inorder.decision to {role};
grant update, delete on inorder.parking_lot to {role};
grant update on inorder.audit to {role};
grant insert, delete on inorder.suspect to {role};
