"""The Lambda that keeps concurrency where the database is healthy.

Once a period it observes (`signals`, `mapping`, `parameters`), decides (`policy`, pure) and
actuates (`mapping`); `control` is the loop's one turn, `handler` wires it for Lambda. `choosing` is
the part of the policy for a database that is up: `standing` says which periods may be judged and
what they say, `cutting` when a level is too much, `patience` when to look again. `levels` is
what it knows of the database's throughput, `breaker` stops the stream when the database is down,
`retention` watches what stopping costs, `hand` is what an operator ordered.
"""
