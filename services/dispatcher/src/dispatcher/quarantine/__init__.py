"""What was not applied: kept whole, with the reason, to be looked at and, where that can help, sent again."""
