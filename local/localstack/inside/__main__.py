"""LocalStack, with functions run by `executor` instead of Docker."""

from localstack.runtime.main import main
from localstack.services.lambda_.invocation import runtime_executor

from local.localstack.inside.executor import RieExecutor

# LocalStack asks its plug-ins for an executor; ours is none that was installed. This stands before
# anything of LocalStack's imports the function by name.
runtime_executor.get_runtime_executor = lambda: RieExecutor

main()
