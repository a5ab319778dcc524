"""The demo: a campaign through a VPS that misbehaves, and the proof of what became of each message.

`cases` says what goes wrong, `plan` to whom; `run` starts the stack, `campaigns` talks with it, `progress`
shows it, `check` compares the API with the VPS's ledger, `report` tells it in words.
"""
