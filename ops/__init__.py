"""The operator's command line, `inorder`: see what waits, and decide about it.

`decisions` says what an operator's decision does to an order (pure: rows 10 to 12 of the state
machine); `deciding` runs it under the head's lock and records who decided what and why; `waiting`
reads the parking lot; `commands` are what is typed, `tables` what is shown. Redrive and the audit
are the functions' own code (`consumer.redrive`, `consumer.audit`).
"""
