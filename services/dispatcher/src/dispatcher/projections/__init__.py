"""What the events come to, as tables. Each can be thrown away and rebuilt; `changes` is the fold that all share."""
