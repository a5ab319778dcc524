"""The webhook-gateway: takes the VPS's callbacks over HTTP and publishes them durably to NATS.

The path of a callback, by module: `routes` → `auth` → `intake` → `callbacks` → `translate` → `publisher` →
`batches` → `broker`; while the broker is away `spool` → `spool_file`. No business rule lives here.
"""
