"""What can be wrong with a secret, and whether waiting helps."""

from contract.errors import InorderError


class SecretUnavailable(InorderError):
    """Secrets Manager does not answer now; ask again later."""


class SecretRefused(InorderError):
    """The secret cannot be used, and waiting does not help; the message says why, never what is
    in it.
    """
