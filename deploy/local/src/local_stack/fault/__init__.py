"""The fault suite: a campaign while everything around it breaks, and the proof that nothing was lost.

`kinds` says what can go wrong, `plan` draws from it, `abilities` what this machine allows; `field` is the system that
is hit, `proxy` stands in its connections, `strikes` hits it, `recovery` waits until it is well again. At the end
`evidence` collects what everybody remembers, `check` compares it, `excuses` knows what was never promised, `report`
tells it in words.
"""
