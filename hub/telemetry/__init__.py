"""What a process shows of itself: metrics, probes, logs. Never personal data, and no id of a person or a family."""
