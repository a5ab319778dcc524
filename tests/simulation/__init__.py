"""A whole dispatcher under a virtual clock: its real code on a simulated store, broker and VPS, from one seed."""
