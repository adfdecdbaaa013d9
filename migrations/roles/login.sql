-- A role's own time-outs and isolation are defaults of the role, for a SET in the session would pin
-- the connection of an RDS Proxy. Whoever is gone lets go of its locks after a minute.
alter role {role} login;
alter role {role} set lock_timeout = '10s';
alter role {role} set statement_timeout = '30s';
alter role {role} set idle_in_transaction_session_timeout = '60s';
alter role {role} set default_transaction_isolation = 'read committed';
grant connect on database {database} to {role};
