"""The whole system on one machine: PostgreSQL and NATS from wheels, a VPS simulator, the demo.

`stack` puts it together; `postgres_server` and `nats_server` stand alone and serve the tests, too.
"""
