"""The published form of the contract, made from the types: JSON Schemas, golden samples, the AsyncAPI document.

`python -m contracts.generate` writes them beside the source in a checkout. No service imports this package.
"""
