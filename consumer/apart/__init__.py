"""Runs what is suspected in a process apart, and watches it die. The living are the witnesses.

Theory of operation
===================

An event can kill the process that applies it: out of memory, `os._exit`, an endless loop. The dead
cannot say which event it was, and what a dead process has left behind looks like what a living one
leaves behind that has lost the database. So two things are kept apart:

*Suspicion* comes from what is absent. Every invocation says beforehand, in a row of its own (a
*marker*, `consumer.delivery`), which batch it works on, and takes that back at every end in order.
Whoever meets another's marker suspects the batch: perhaps a process died of it, perhaps the
database was away, perhaps a twin is at work. Suspicion makes work slower and parks nobody.

*Proof* is what somebody saw. A suspected batch is not run by the process that Lambda waits for, but
by a child of it, which says what it works on before it does, and over the same pipe what it has
committed. When the child dies its parent lives, knows where, and starts the next:

    | the child died while it worked on … | so the next one …                                      |
    |-------------------------------------|--------------------------------------------------------|
    | an order, or one of many            | takes all others at once, then that order by event     |
    | another order, or many at once      | takes each order in a transaction of its own           |
    | an event alone, N deaths            | parks it unrun, and its followers behind it            |

Why nobody innocent is parked. An event is parked as a killer only by an invocation that saw N of
its own children die, each in a transaction that held this event and nothing else. A child that has
lost its connection, met a lock, a read-only server, a stopped version of the code or the end of its
time says so and exits in order: that is no death. Markers, and with them every outage, restart,
failover, twin and invocation that was given up, count for nothing, however many there are.

Why nobody waits long. What is delivered together with a killer flows before it, in the very next
invocation, which does not fail: so nothing is bisected, and no half waits for another. Deaths by
exit or memory take as long as a process takes to start; an endless loop is ended after
`PROJECTION_SECONDS` (`consumer.overrun`), so that N + 2 of them are over within one time-out. Where
there is more than one killer, a few at a time are seen through to the end, so that each invocation
parks some. And code that kills whatever it meets is stopped (`consumer.deploys`) once processes
have died of as many orders as it takes, and nothing was applied.

What a process says of itself is checked: one connection at a time, since the parent closes its own
first. A child that outlives its parent ends with it.

The way through this folder: `evidence` decides (pure), `witness` starts one child after the other,
`process` is the child seen from outside, `__main__` from inside.
"""
