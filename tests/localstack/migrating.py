"""The deployed migrator, asked as CloudFormation does: LocalStack leaves custom resources out."""

import json
from typing import Any

from migrations.migrate import INORDER, ORDERS, names
from tests.localstack.deployed import Stack


def migrate(stack: Stack, *, secret_arn: str) -> dict[str, Any]:
    """What the migrator answers, by way of S3, to the request of a stack that is created."""
    s3, bucket, key = stack.client("s3"), "cloudformation-answers", "answer"
    s3.create_bucket(Bucket=bucket)
    url = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": key})
    event = {
        "RequestType": "Create",
        "RequestId": "1",
        "ResponseURL": url,
        "StackId": "stack",
        "ResourceType": "Custom::Migrations",
        "LogicalResourceId": "Migrations",
        "ResourceProperties": {
            "SchemaVersion": names(INORDER)[-1],
            "ProjectionMigrations": ORDERS.name,
            "ProjectionVersion": names(ORDERS)[-1],
            "ApplicationRole": "inorder_app",
            "ApplicationAuth": "secret",
            "ApplicationSecretArn": secret_arn,
        },
    }
    invoked = stack.client("lambda").invoke(
        FunctionName=stack.outputs["MigratorFunctionName"], Payload=json.dumps(event)
    )
    assert "FunctionError" not in invoked, invoked["Payload"].read()
    answer: dict[str, Any] = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    return answer
