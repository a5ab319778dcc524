"""The command line of operators. It talks to the API alone, and loads nothing that a server needs."""
