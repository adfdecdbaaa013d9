"""The Lambda that keeps concurrency where the database is healthy.

Once a period it observes (`signals`, `mapping`, `parameters`), decides (`policy`, pure) and
actuates (`mapping`); `control` is the loop's one turn, `handler` wires it for Lambda. `levels` is
what it knows of the database's throughput, `breaker` stops the stream when the database is down,
`retention` watches what stopping costs, `hand` is what an operator ordered.
"""
