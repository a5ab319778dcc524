"""`make bench`: each figure beside what the same machine does at the most, in the same run, as a ratio."""
