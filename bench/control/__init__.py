"""The controller against a model of a database, beside what people use instead: `make control`."""
