"""The metrics of AWS that alarms and dashboard go by, as its documentation has them.

| namespace | page |
|---|---|
| AWS/Lambda | Lambda Developer Guide, "Types of metrics for Lambda functions" |
| AWS/Kinesis | Kinesis Data Streams Developer Guide, "Monitoring … with Amazon CloudWatch" |
| AWS/ApiGateway | API Gateway Developer Guide, "CloudWatch metrics and dimensions for HTTP APIs" |
| AWS/RDS | Aurora User Guide, "Monitoring RDS Proxy metrics", "CloudWatch metrics for Aurora" |
"""

BY_FUNCTION = {"FunctionName"}
BY_MAPPING = {"EventSourceMappingUUID"}
BY_PROXY = {"ProxyName"}
BY_ROLE = {"DBClusterIdentifier", "Role"}

DOCUMENTED: dict[tuple[str, str], tuple[set[str], str]] = {
    ("AWS/Lambda", "IteratorAge"): (BY_FUNCTION, "Milliseconds"),
    ("AWS/Lambda", "Errors"): (BY_FUNCTION, "Count"),
    ("AWS/Lambda", "Throttles"): (BY_FUNCTION, "Count"),
    ("AWS/Lambda", "Duration"): (BY_FUNCTION, "Milliseconds"),
    ("AWS/Lambda", "ConcurrentExecutions"): (BY_FUNCTION, "Count"),
    ("AWS/Lambda", "DestinationDeliveryFailures"): (BY_FUNCTION, "Count"),
    ("AWS/Lambda", "InvokedEventCount"): (BY_MAPPING, "Count"),
    ("AWS/Lambda", "DroppedEventCount"): (BY_MAPPING, "Count"),
    ("AWS/Lambda", "OnFailureDestinationDeliveredEventCount"): (BY_MAPPING, "Count"),
    ("AWS/Kinesis", "IncomingRecords"): ({"StreamName"}, "Count"),
    ("AWS/Kinesis", "WriteProvisionedThroughputExceeded"): ({"StreamName"}, "Count"),
    ("AWS/ApiGateway", "Count"): ({"ApiId"}, "Count"),
    ("AWS/ApiGateway", "4xx"): ({"ApiId"}, "Count"),
    ("AWS/ApiGateway", "5xx"): ({"ApiId"}, "Count"),
    ("AWS/ApiGateway", "Latency"): ({"ApiId"}, "Milliseconds"),
    ("AWS/RDS", "DatabaseConnectionsBorrowLatency"): (BY_PROXY, "Microseconds"),
    ("AWS/RDS", "DatabaseConnectionsCurrentlyBorrowed"): (BY_PROXY, "Count"),
    ("AWS/RDS", "DatabaseConnectionsCurrentlySessionPinned"): (BY_PROXY, "Count"),
    ("AWS/RDS", "MaxDatabaseConnectionsAllowed"): (BY_PROXY, "Count"),
    ("AWS/RDS", "ClientConnections"): (BY_PROXY, "Count"),
    ("AWS/RDS", "ClientConnectionsSetupFailedAuth"): (BY_PROXY, "Count"),
    ("AWS/RDS", "ACUUtilization"): (BY_ROLE, "Percent"),
    ("AWS/RDS", "CPUUtilization"): (BY_ROLE, "Percent"),
    ("AWS/RDS", "ServerlessDatabaseCapacity"): (BY_ROLE, "Count"),
    ("AWS/RDS", "CommitLatency"): (BY_ROLE, "Milliseconds"),
    ("AWS/RDS", "Deadlocks"): (BY_ROLE, "Count/Second"),
    ("AWS/RDS", "MaximumUsedTransactionIDs"): (BY_ROLE, "Count"),
}
"""Dimensions and unit of each; a metric has other sets of dimensions besides."""

OF_MAPPING = {
    "PolledEventCount",
    "FilteredOutEventCount",
    "InvokedEventCount",
    "FailedInvokeEventCount",
    "DroppedEventCount",
    "OnFailureDestinationDeliveredEventCount",
}
"""Sent only where the mapping asks for `EventCount`."""
