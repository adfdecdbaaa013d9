"""The Lambda that applies batches of order events: decode, plan lanes, one transaction, answer.

An event's way through this folder: `arrivals` reads it out of the Kinesis record, `lanes` puts it
behind the earlier events of its order, `sequencer` decides what becomes of it, `fold` lets the
`projection` apply it, `store` writes what was decided, `batch` holds it all together against
faults and the clock, and `handler` answers Lambda.
"""

import consumer.imports  # noqa: F401 - before anybody imports psycopg or Powertools
import login.driver  # noqa: F401 - as the line above
