"""The VPS simulator: a fake of the WhatsApp VPS that keeps its whole contract and misbehaves on command.

The path of a message: `vps` (HTTP in) → `outcomes` (the plan: answer and fate) → `machine` (carries it out:
`ledger`, `script` → `bodies`) → `callbacks` (HTTP out to the gateway). `control` turns the knobs (`knobs`,
`behaviour`) and reads the ledger; `client` calls it from Python.
"""
