"""LocalStack on this machine without Docker: AWS's interfaces for a deployed stack to meet.

`endpoint` finds a LocalStack that is there, `server` starts one of our own, and `inside` is what
runs in that one: an executor that runs functions in the real Lambda runtime client.
"""
