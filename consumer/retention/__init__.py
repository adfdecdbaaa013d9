"""Keeps the ledger from growing for ever: rows that nobody asks for any more are removed.

Theory of operation
===================

The ledger is what a duplicate is recognised by. A row may go once its event can no longer come
again: the stream has forgotten it, and its producer has long ceased to send it. How long that is
nobody can work out from here, so it is a setting; heads are never removed, and so a version that
lies behind its head and has left the ledger is kept in the lot as a stray, never applied again.

*Finding old rows* needs no index. The ledger is walked block by block (a TID range reads just
those blocks), a megabyte at a time, and goes on where the last run ended; once all of it has been
walked, the next pass begins when a thirtieth of the retention has gone by. A B-tree on the time
would be written with every event, and the block range index that the audit uses gets blunt where
space is used again.

*Removing them never blocks the stream.* Each piece is a transaction of some ten milliseconds. It
locks the heads of the orders it meets, as everybody who writes to them does, but passes over those
that are locked just then (the next pass finds them), so it waits for nobody and cannot deadlock;
no snapshot outlives it, so vacuum follows at once. After each piece it rests for three times as
long as the piece took.

*An order loses a prefix of its rows, never one out of the middle*, and its head says where the
ledger now begins (`ledger_from`), in the same transaction: for the auditor a missing row from there
on is a fault as before. Only rows are removed that the auditor has seen.
"""
