"""The rules, pure: commands and states in, events out. No clock, no I/O, no contracts."""
