"""Redrive: replays what waits in the parking lot, order by order, head first.

Theory of operation
===================

A redrive is a series of short transactions on one order. Each locks the head, as live traffic
does, reads the first entries of the lot (a bounded number, a bounded number of bytes), tries them
one after the other until one fails, and commits: what was applied is in the ledger and out of the
lot, the head has advanced, and the state follows from what is left. Between two transactions the
order is PARKED, so whatever live traffic brings becomes a follower and nothing overtakes.

    | the first entry …                                    | what becomes of it                  |
    |------------------------------------------------------|-------------------------------------|
    | is a proven duplicate of the ledger by now           | removed                             |
    | is unreadable, of the wrong kind, in conflict with   | stays the blocker, attempts + 1,    |
    |   the ledger, behind the head, or overtaken, still   |   with what to do about it; stop    |
    | waits for a version that is missing                  | stop: nothing was tried             |
    | turns out to have another version than its rank      | takes its place in the lot          |
    | is the next one, and applies                         | ledger, advance, removed; go on     |
    | is the next one, and does not                        | blocker, attempts + 1; stop         |

*What can heal.* A rejected or failing event, or one whose data made the write fail, is tried with
the projection as it is now. Unreadable bytes are read again by the contract as it is now. A
conflict is over when what it was in conflict with has been skipped. An overtaken event is no
longer late when everything later than it was skipped.

*What cannot heal* stays the blocker, and its detail says what to type: an event of the wrong kind,
one in conflict with the ledger, one that would be applied after events that followed it on the
stream. Redrive never decides that an event may be dropped or may break the order: `inorder parked
skip` and `inorder parked edit` do, with a reason. An entry that was edited is tried where it
stands, late or not: the operator has answered for its place.

*A killer* ends the process that tries it: so whatever may hold one is tried in a process apart
(`consumer.apart`), entry by entry once one has died, and the entry that enough deaths name is
refused without being run. An entry that is known as a killer is left alone unless its order, or
killers, were asked for; the attempt is committed before it is made.

*Another version of the code* may do better: the schedule tries once, under each version, the
orders whose blocker failed unexpectedly or was of an unknown type under another one.

*Beside live traffic and a second redrive* the head's lock serializes. A redrive waits for it like
any batch, at most the role's `lock_timeout`; an order that cannot be locked in that time is
reported as busy and left. Since everything is read after the lock and each transaction is short,
two redrives of one order take turns, and a batch never waits long behind one.

*Memory* is bounded by the entries and bytes of one transaction, however long the lot.

The way through this folder: `turn` decides (pure), `lots` reads and writes, `replay` runs the
transactions on one order, `selection` says which orders, `objects` reads the on-failure bucket,
and `handler` is the Lambda.
"""
