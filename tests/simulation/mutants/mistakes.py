"""Realistic mistakes: each a few words of the code in other words.

`before` has to stand in the file exactly once, or the mutant fails loudly: when the code changes,
its mistakes have to be thought of anew. `seed` is one that is known to catch it, and is run first.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Mistake:
    name: str
    path: str
    before: str
    after: str
    seed: int | None = None


MISTAKES = (
    # ------------------------------------------------------------------ producer
    Mistake(
        name="no hold per key: a second record leaves while the first is unresolved",
        path="producer/sequencing.py",
        before="        queue = self._lineup.queue(self._strategy.stream_key(order_id))",
        after="""        own = {"__eq__": object.__eq__, "__hash__": object.__hash__}
        key = self._strategy.stream_key(order_id)
        queue = self._lineup.queue(
            key._replace(partition_key=type("Own", (str,), own)(key.partition_key))
        )""",
        seed=0,
    ),
    Mistake(
        name="the whole request is retried when some of its records failed",
        path="producer/kinesis.py",
        before="    return [_outcome(entry) for entry in entries]",
        after="""    outcomes = [_outcome(entry) for entry in entries]
    failed = next((o for o in outcomes if not isinstance(o, Accepted)), None)
    return outcomes if failed is None else [failed] * len(outcomes)""",
        seed=0,
    ),
    Mistake(
        name="an unknown record is not sent again before newer ones",
        path="producer/sequencing.py",
        before="self._fail(queue, record, Unknown, owes=record)",
        after="self._fail(queue, record, Unknown, owes=None)",
        seed=0,
    ),
    Mistake(
        name="a time-out is taken for a refusal",
        path="producer/kinesis.py",
        before="    return Unanswered(code=code, detail=detail)",
        after="    return Refused(code=code, detail=detail)",
        seed=7,
    ),
    Mistake(
        name="an aggregate of several orders goes under its first event's key",
        path="producer/kinesis.py",
        before="""        "PartitionKey": record.key.partition_key,
        "Data": record_data(record.events),
    }
    if record.key.explicit_hash_key is not None:""",
        after="""        "PartitionKey": record.events[0].order_id,
        "Data": record_data(record.events),
    }
    if False:""",
        seed=43,
    ),
    # ------------------------------------------------------------------ the consumer's decisions
    Mistake(
        name="< for <= at the head",
        path="consumer/sequencer.py",
        before="arrival.version is not None and arrival.version <= self._ordinal:",
        after="arrival.version is not None and arrival.version < self._ordinal:",
        seed=10,
    ),
    Mistake(
        name="followers are not parked",
        path="consumer/sequencer.py",
        before="        elif self._state is State.PARKED:\n",
        after="        elif False:\n",
        seed=2,
    ),
    Mistake(
        name="what lies behind the head's position is skipped without proof",
        path="consumer/sequencer.py",
        before="        if self._proof.duplicate(arrival):\n",
        after="""        behind = self._position is not None and arrival.position < self._position
        if behind or self._proof.duplicate(arrival):
""",
        seed=0,
    ),
    Mistake(
        name="the same id is a duplicate whatever is in it",
        path="consumer/proof.py",
        before="            fact.digest == arrival.digest and fact.version == event.version for",
        after="            fact.id == event.id for",
        seed=1,
    ),
    Mistake(
        name="a gap is drained without looking for holes",
        path="consumer/sequencer.py",
        before="            if self._versioned and first.rank > self._ordinal + 1:\n",
        after="            if False:\n",
        seed=0,
    ),
    Mistake(
        name="an order whose lot is not empty is open again after a drain",
        path="consumer/sequencer.py",
        before="""            self._state = State.GAP
        else:
            self._state = State.PARKED""",
        after="""            self._state = State.GAP
        else:
            self._state = State.PARKED if self._blocked else State.OPEN""",
        seed=0,
    ),
    Mistake(
        name="half an event is saved",
        path="consumer/fold.py",
        before="        again = sorted(self._spoiled & self._applied.keys())",
        after="        again: list[str] = []",
        seed=2,
    ),
    Mistake(
        name="careful mode takes the second half first",
        path="consumer/careful.py",
        before="            for part in (lane[:middle], lane[middle:]):",
        after="            for part in (lane[middle:], lane[:middle]):",
        seed=36,
    ),
    # ------------------------------------------------------------------ the consumer's transaction
    Mistake(
        name="heads are not locked",
        path="consumer/queries.sql",
        before="where head.order_id = wanted.order_id for no key update",
        after="where head.order_id = wanted.order_id",
        seed=23,
    ),
    Mistake(
        name="heads are read before they are locked",
        path="consumer/store.py",
        before="""        return {row[0]: _head(row) for row in self._send("lock_heads",""",
        after="""        unlocked = _SQL["lock_heads"].replace(" for no key update", "")
        self._cursor.execute(unlocked, {"order_ids": order_ids})
        return {row[0]: _head(row) for row in self._cursor if self._send("lock_heads",""",
        seed=58,
    ),
    Mistake(
        name="the projection's states are loaded before the lock",
        path="consumer/transaction.py",
        before="""        heads = store.lock(sorted(lanes))
""",
        after="""        early = {} if task.blame else dict(self.load(users, sorted(lanes)))
        self.load = lambda _, order_ids: {o: early[o] for o in order_ids if o in early}
        heads = store.lock(sorted(lanes))
""",
        seed=1,
    ),
    Mistake(
        name="a walk goes on where an earlier event of the order waits",
        path="consumer/straight.py",
        before="    if head.state is not State.OPEN or ",
        after="    if head.state is State.GAP or ",
        seed=10,
    ),
    Mistake(
        name="a walk steps over a missing version",
        path="consumer/straight.py",
        before="arrival.event.version != ordinal:",
        after="arrival.event.version < ordinal:",
        seed=0,
    ),
    Mistake(
        name="of the lanes that a failure has stopped, only the last parts' go on",
        path="consumer/transaction.py",
        before="            stopped += (each for each in walks if each.failure)",
        after="            stopped = [each for each in walks if each.failure]",
        seed=62,
    ),
    Mistake(
        name="an id that the ledger knows under another version is never asked about",
        path="consumer/transaction.py",
        before="if not (_says_what_was_not_asked(failed) or (",
        after="if not (False or (",
        seed=1,
    ),
    Mistake(
        name="the lot is drained from its end",
        path="consumer/queries.sql",
        before="""        order by lot.rank, lot.entry_id
        limit %(limit)b""",
        after="""        order by lot.rank desc, lot.entry_id desc
        limit %(limit)b""",
        seed=0,
    ),
    Mistake(
        name="the checkpoint is one too high",
        path="consumer/batch.py",
        before="""        for record in self._records:
            if any(a.position not in self._finished for a in record.arrivals):""",
        after="""        for before, record in zip(self._records, self._records[1:]):
            if any(a.position not in self._finished for a in before.arrivals):""",
        seed=0,
    ),
    Mistake(
        name="an outage is taken for bad data",
        path="consumer/faults.py",
        before="""    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return Fault.TRANSIENT""",
        after="""    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return Fault.DATA""",
        seed=67,
    ),
    Mistake(
        name="a read-only node after a failover is taken for bad data",
        path="consumer/faults.py",
        before="""    if about in _TRANSIENT:
        return Fault.TRANSIENT
""",
        after="""    if isinstance(error, psycopg.InternalError):
        return Fault.DATA
    if about in _TRANSIENT:
        return Fault.TRANSIENT
""",
        seed=23,
    ),
    Mistake(
        name="a bad deploy parks everybody",
        path="consumer/deploys.py",
        before="    return failing.stopped or len(failing.orders) >= code.most",
        after="    return False",
        seed=38,
    ),
    Mistake(
        name="one death is enough to be a killer",
        path="consumer/piecewise.py",
        before="    if deaths < most:",
        after="    if deaths < 1:",
        seed=34,
    ),
    Mistake(
        name="a refused connection is left open",
        path="consumer/connecting.py",
        before="""    except BaseException:
        # Not left""",
        after="""    except ZeroDivisionError:
        # Not left""",
        seed=0,
    ),
    Mistake(
        name="a process apart that has lost the database is taken for dead",
        path="consumer/apart/witness.py",
        before="""            if ended.problem is not None:
                raise ended.problem
            if not ended.death:
                return""",
        after="""            if ended.problem is not None and ended.at is None:
                raise ended.problem
            if not ended.death and ended.problem is None:
                return""",
        seed=10,
    ),
    Mistake(
        name="a process apart connects beside its parent",
        path="consumer/attempts.py",
        before="""        self._check_time(0)
        self._database.close()
        return""",
        after="""        self._check_time(0)
        return""",
        seed=0,
    ),
    # ------------------------------------------------------------------ redrive
    Mistake(
        name="redrive begins at the tail",
        path="consumer/redrive/queries.sql",
        before="""        order by lot.rank, lot.entry_id
        limit %(entries)s""",
        after="""        order by lot.rank desc, lot.entry_id desc
        limit %(entries)s""",
        seed=0,
    ),
    Mistake(
        name="redrive does not lock the head",
        path="consumer/redrive/queries.sql",
        before="""where head.order_id = %(order_id)s
for no key update""",
        after="""where head.order_id = %(order_id)s""",
        seed=58,
    ),
    Mistake(
        name="redrive opens an order that still has followers",
        path="consumer/redrive/turn.py",
        before="        return State.PARKED if more else State.OPEN",
        after="        return State.OPEN",
        seed=1,
    ),
    Mistake(
        name="redrive takes a version that is missing for one that has been",
        path="consumer/redrive/turn.py",
        before="""            first = self._left[0]
            if self._missing_before(first):""",
        after="""            first = self._left[0]
            if self._head.versioned:
                self._head = msgspec.structs.replace(self._head, ordinal=first.rank - 1)
            if False:""",
        seed=2,
    ),
    Mistake(
        name="redrive tries an entry whose version is not the next one",
        path="consumer/redrive/turn.py",
        before="        return bool(self._head.versioned) and entry.rank > self._head.ordinal + 1",
        after="        return False",
        seed=39,
    ),
    Mistake(
        name="a parked event does not move the head's position",
        path="consumer/sequencer.py",
        before="""        self._position = _later(self._position, arrival.position)
        self._blocked""",
        after="""        self._blocked""",
        seed=35,
    ),
    Mistake(
        name="an entry is blamed that another invocation has put in the place of the one meant",
        path="consumer/transaction.py",
        before="        _check_turn(orders, task.terms.only)\n",
        after="",
        seed=187,
    ),
    # ------------------------------------------------------------------ what is rarely done
    Mistake(
        name="bytes of no known order are dropped",
        path="consumer/transaction.py",
        before="        strays = [_stray(arrival) for arrival in task.lanes.get(None, ())]",
        after="        strays: list[Waiting] = []",
        seed=1,
    ),
    Mistake(
        name="a key that orders share is taken for an order",
        path="consumer/arrivals.py",
        before="        and not is_bucket_key(partition_key)\n",
        after="",
        seed=74,
    ),
    Mistake(
        name="an object of the on-failure bucket is tagged before all of it is finished",
        path="consumer/redrive/feeding.py",
        before="    if applied.checkpoint is not None:",
        after="    if False:",
        seed=14,
    ),
    Mistake(
        name="a gap is closed but for its first version",
        path="ops/decisions.py",
        before="        passed_over=tuple(range(head.ordinal + 1, up_to + 1)),",
        after="        passed_over=tuple(range(head.ordinal + 2, up_to + 1)),",
        seed=14,
    ),
    Mistake(
        name="what an operator has skipped is not known when it comes again",
        path="consumer/store.py",
        before="        decided = [order_id for order_id, head in heads.items() if head.decided]",
        after="        decided: list[str] = []",
        seed=11,
    ),
    Mistake(
        name="a request's events are handed to the stream last first",
        path="producer/delivery.py",
        before="    for place, (event, payload) in enumerate(events):",
        after="    for place, (event, payload) in reversed(list(enumerate(events))):",
        seed=2,
    ),
    # ------------------------------------------------------------------ the event source mapping
    Mistake(
        name="a child shard is read before its parent is drained",
        path="local/mapping/lineage.py",
        before="        return all(done)",
        after="        return True",
        seed=2,
    ),
    Mistake(
        name="a record's slot does not follow from its partition key",
        path="local/mapping/backlog.py",
        before="""        for record in records:
            self._queue_of(record.partition_key)""",
        after="""        for record in records:
            self._queue_of(record.sequence_text)""",
        seed=7,
    ),
    Mistake(
        name="the mapping's checkpoint passes a record that is not finished",
        path="local/mapping/progress.py",
        before="self._read[0][0] < lowest_unfinished",
        after="self._read[0][0] <= lowest_unfinished",
        seed=0,
    ),
    Mistake(
        name="a batch that is retried lets later ones of its keys overtake it",
        path="local/mapping/shard.py",
        before="            busy.add(batch.slot)\n            held |= batch.keys\n        if not",
        after="        if not",
        seed=12,
    ),
)
