"""VPS out: claim what is due under a lease, commit that a send starts, call, record the answer."""
