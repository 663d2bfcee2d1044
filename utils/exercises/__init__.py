"""What the exercises of each notebook expect, and the mistakes their checks know by name."""
