"""The event source mapping that AWS runs between a Kinesis stream and a Lambda function, local.

`machine` decides, `runner` does. From the stream to the function: `poller` reads a shard,
`lambda_event` writes the records as Lambda shows them, `machine` (lineage, shard, backlog, batch)
says what to invoke, `answer` and `verdict` what a result means, `on_failure` keeps what was given
up. `template` reads the settings where SAM reads them.
"""
