-- What consumer and redrive do with our tables, and nothing else.
grant usage on schema inorder to {role};
grant select, insert, update on inorder.head to {role};
grant select, insert on inorder.ledger to {role};
grant select, insert, update, delete on inorder.parking_lot to {role};
grant select on inorder.decision to {role};
grant select, insert, update, delete on inorder.delivery to {role};
grant select, insert, update, delete on inorder.deploy to {role};
