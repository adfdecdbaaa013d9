"""Prints the template as CloudFormation gets it: run by the SAM CLI's own Python, offline.

Usage: `python translate.py template.yaml [Parameter=value …]`.
"""

import json
import logging
import sys
from pathlib import Path

from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform


class NoManagedPolicies:
    """The template names none; asking AWS for the list would need credentials."""

    def load(self):
        return {}


def translate(text: str, parameters: dict[str, str]) -> dict:
    template = yaml_parse(text)
    # What `sam package` does: the translator takes code that is already uploaded.
    template["Globals"]["Function"]["CodeUri"] = "s3://bucket/key"
    return transform(template, parameters, NoManagedPolicies())


if __name__ == "__main__":
    logging.disable(logging.WARNING)  # of features that AWS switches on for itself
    given = dict(argument.split("=", 1) for argument in sys.argv[2:])
    json.dump(translate(Path(sys.argv[1]).read_text(), given), sys.stdout)
