"""How a function logs in to PostgreSQL: what its environment says, an IAM token or a secret's
password, and the roots that a server's certificate has to end in. In every zip that connects.
"""
