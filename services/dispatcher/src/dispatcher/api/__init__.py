"""HTTP for operators: create campaigns, watch them, ask what happened to whom."""
