"""The event store on PostgreSQL: append under one lock, read by stream or by position."""
