"""Why is this message where it is? What was recorded of it, in plain words. Pure: rows and events in, text out."""
