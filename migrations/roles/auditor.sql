-- What the auditor reads, and where it keeps its place.
grant usage on schema inorder to {role};
grant select on all tables in schema inorder to {role};
grant update on inorder.audit to {role};
grant insert, delete on inorder.suspect to {role};
