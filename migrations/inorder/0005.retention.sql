-- How long the ledger remembers, and how far its pruning has come. Without old rows an event that
-- comes again is no longer recognised, so a row is kept longer than the stream keeps events and
-- longer than any producer sends one again (docs/decisions/0012).

create table inorder.retention (
    one         boolean     primary key default true check (one),
    keep        interval,
    next_block  bigint      not null default 0,
    due_at      timestamptz,
    before      timestamptz,
    pruned_to   timestamptz,
    ran_at      timestamptz,
    rows_pruned bigint      not null default 0
);

comment on table  inorder.retention is 'How far the pruning of the ledger has come; one row';
comment on column inorder.retention.keep is
    'How long a row of the ledger is kept, as the last run was told; null if it is for ever';
comment on column inorder.retention.next_block is
    'Where in the table''s blocks the next run goes on; 0 between two passes';
comment on column inorder.retention.before is
    'What the pass under way removes: rows applied before this';
comment on column inorder.retention.due_at is
    'When the next pass may begin; null for at once';
comment on column inorder.retention.pruned_to is
    'What the last whole pass removed: rows applied before this, but for orders that were locked';

insert into inorder.retention default values;

comment on column inorder.head.ledger_from is
    'The first ordinal the ledger has to hold: above 1 where an order was joined in mid-stream, or '
    'its first rows have been pruned';

-- What is pruned is reused soon, and not only once a fifth of the ledger is dead.
alter table inorder.ledger set (autovacuum_vacuum_scale_factor = 0.02);
