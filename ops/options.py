"""Options that several commands have."""

from typing import Annotated

from cyclopts import Parameter

Json = Annotated[bool, Parameter(name="--json", negative="", help="One JSON document, for scripts")]
Because = Annotated[str, Parameter(help="Why; kept for audit")]
Limit = Annotated[int, Parameter(help="Rows shown at most")]
OrderId = Annotated[str | None, Parameter(name="--order", help="Of this order")]
ReasonName = Annotated[str | None, Parameter(name="--reason", help="Parked for this reason")]
