"""Starts processes apart, and imports what that takes no sooner: a cold start has no suspicions."""

from collections.abc import Callable

from consumer.apart.witness import Ended, Work
from consumer.deploys import Code
from consumer.settings import Settings


def processes(settings: Settings, code: Code) -> Callable[[Work, float, float], Ended]:
    """`consumer.apart.process.Processes`, when it is called."""

    def run(work: Work, seconds: float, longest: float) -> Ended:
        from consumer.apart.process import Processes  # noqa: PLC0415 - see the module

        return Processes(settings, code)(work, seconds, longest)

    return run
