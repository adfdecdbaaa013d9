"""The whole way of an event, from `send` to its row, on one machine with everything on."""
