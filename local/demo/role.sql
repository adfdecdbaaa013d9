-- The consumer's own role: what it needs and nothing else, with the time-outs as role defaults, for
-- a SET in the session would pin the connection of an RDS Proxy.
create role inorder_app login;
grant usage on schema inorder to inorder_app;
grant select, insert, update on inorder.head to inorder_app;
grant select, insert on inorder.ledger to inorder_app;
grant select, insert, update, delete on inorder.parking_lot to inorder_app;
grant select on inorder.decision to inorder_app;
grant select, insert, update, delete on inorder.delivery, inorder.deploy to inorder_app;
alter role inorder_app set lock_timeout = '10s';
alter role inorder_app set statement_timeout = '30s';
alter role inorder_app set idle_in_transaction_session_timeout = '60s';

do $$
declare
    its text;
begin
    for its in select nspname from pg_namespace
               where nspname !~ '^pg_' and nspname not in ('information_schema', 'inorder')
    loop
        execute format('grant usage on schema %I to inorder_app', its);
        execute format('grant select, insert, update, delete on all tables in schema %I '
                       'to inorder_app', its);
    end loop;
end $$;
