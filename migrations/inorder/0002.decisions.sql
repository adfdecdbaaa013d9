-- What an operator decides about orders that wait, and what the auditor and redrive need to know.

-- Rows of orders that wait: few, and the head's `state` changes only when an order starts or stops
-- waiting, so that advancing a head stays a HOT update.
-- squawk-ignore require-concurrent-index-creation
create index head_waiting on inorder.head (order_id) where state <> 'open';

alter table inorder.head
    add column ledger_from bigint  not null default 1,
    add column decided     boolean not null default false;

comment on column inorder.head.ledger_from is
    'The first ordinal the ledger has to hold: above 1 where an order was joined in mid-stream';
comment on column inorder.head.decided is
    'Whether an operator skipped or edited events of this order: then inorder.decision knows them';

-- What was decided by hand, kept for ever: for audit, and so that an event that was skipped or
-- edited is recognised when it is delivered again.
create table inorder.decision (
    decision_id         bigint generated always as identity primary key,
    decided_at          timestamptz not null default clock_timestamp(),
    entry_id            bigint,
    id                  uuid,
    version             bigint,
    digest              bigint,
    sub_sequence_number bigint,
    up_to               bigint,
    action              text        not null
                        check (action in ('skip', 'edit', 'close_gap', 'import_head')),
    decided_by          text        not null,
    session             text        not null default session_user,
    because             text        not null check (because <> ''),
    order_id            text collate "C",
    reason              text,
    detail              text,
    state_before        text,
    ordinal_before      bigint,
    sequence_number     numeric,
    payload             bytea
);

create index decision_of_order on inorder.decision (order_id, sequence_number);

comment on table  inorder.decision is 'What operators decided, why, and what it was before';
comment on column inorder.decision.decided_by is
    'Who, as their own machine or AWS names them; `session` is the role that PostgreSQL knows';
comment on column inorder.decision.id is
    'With version, digest and position: the identity of the event as it came, before the decision';
comment on column inorder.decision.up_to is 'The ordinal that the head was moved to';
comment on column inorder.decision.payload is 'The event''s bytes as they came';
