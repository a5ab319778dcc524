"""Where the contract lies in the checkout, and messages made up for a test."""

from pathlib import Path

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"
