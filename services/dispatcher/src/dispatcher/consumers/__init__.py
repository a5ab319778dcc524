"""NATS in: batches of commands and delivery reports; acknowledged after the commit, parked when unreadable."""
