-- name: applied
-- When each event's row was written, by the clock of the machine, in seconds since 1970.
select id::text, extract(epoch from applied_at)::float8
from inorder.ledger
order by applied_at;
