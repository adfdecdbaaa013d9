"""The root of every error this project raises, and the errors both ends share."""


class InorderError(Exception):
    """Something in inorder failed; every error the project raises itself is one of these."""


class InvalidEvent(InorderError):
    """The event breaks the contract: `field` is where, the message is what and what was expected.

    `field` is a dotted path such as `order_id` or `data.items`, or `event` for the whole document.
    """

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem
