"""Numbered SQL, forward only: `inorder/` the tables of the consumer, `orders/` those of the
projection that is shipped with it. `apply` brings a database up to date.
"""

from migrations.migrate import MigrationFailed, apply

__all__ = ["MigrationFailed", "apply"]
