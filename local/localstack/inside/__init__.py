"""What runs in LocalStack's own interpreter, beside its own code: `python -m
local.localstack.inside`.
"""
