"""The soak: callbacks at a steady rate for a while, and the proof that nothing grows.

`load` posts them, `samples` looks at memory, descriptors and queues, `verdict` judges, `report` tells it in words.
"""
