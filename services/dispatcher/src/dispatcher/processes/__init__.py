"""What happens on a clock: read the projections, tell the aggregates."""
