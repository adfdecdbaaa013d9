"""The auditor: proves from the tables alone that nothing is lost, doubled or out of order.

Theory of operation
===================

Every transaction leaves ledger, heads and parking lot agreeing with each other, and PostgreSQL
shows one statement one state. So one statement that looks at a row, its neighbours and its head
can be judged at once, whatever the stream does meanwhile: there are no false alarms to sort out.
What cannot be true is written down in three views, `ledger_fault`, `head_fault` and `lot_fault`
(migrations), independent of the code that decides.

*Order by induction.* A row of the ledger is sound if its predecessor is there, its head is not
before it, nothing else has its place or its id, and it was not applied before its predecessor. If
every row was sound when it was new, no order has a gap, a double or an inversion.

*Reading only what is new* asks for a watermark that no commit can slip under: a row's `applied_at`
is older than its commit. So a run takes the time, then begins a transaction and notes its id. Every
row applied before that time belongs to a transaction with a smaller id, for a transaction has its
id from locking the heads. Once the oldest transaction that still runs is younger than the note,
all those rows are there to be seen, and rows before that time are audited once and for all. A long
transaction anywhere in the cluster delays this (`AuditLagSeconds`); it never makes it wrong. Spans
overlap by some seconds, since the clock of a new writer may be behind after a failover. A block
range index finds the rows of a time span; it costs the stream next to nothing.

*What waits* is few and is looked at whole in each run: every head that is not open and every order
with entries in the lot: the state has to be the one that follows from head and lot.

*What is old* can be damaged too, by hands and restores. Each run sweeps some orders whole, however
old, and goes on where the last one ended; `inorder audit --full` sweeps them all.

An order with a fault is a *suspect* and looked at again in each run until the fault is gone, so
that the metric stays up as long as something is wrong.

With the producers' receipts (`receipts`) it also proves that what was acknowledged is in the
ledger, in the lot, or on record as skipped; that needs no trust in any table.
"""
