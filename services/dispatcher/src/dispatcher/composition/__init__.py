"""Builds every part from the settings and hands each what it needs; nothing here decides anything.

`given` (what all parts share) → `loops` (what runs) and `doors` (what is served), `probes` (how it fares).
"""
