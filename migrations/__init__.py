"""Numbered SQL, forward only: `inorder/` the tables of the consumer, `orders/` those of the
projection that is shipped with it. `apply` brings a database up to date; `roles/` says what each
role may do with it, and `handler` does both as part of a deploy.
"""

from migrations.migrate import MigrationFailed, apply

__all__ = ["MigrationFailed", "apply"]
