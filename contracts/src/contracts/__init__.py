"""The published language: what the services say to each other, to the VPS and to subscribers.

Imports msgspec and nothing else. A change here is a change of contract: the schemas and the golden
samples in `contracts/schema` and `contracts/samples` are made from these types and checked for staleness.
"""
