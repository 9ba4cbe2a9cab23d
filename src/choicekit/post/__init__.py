"""What can be asked of a fit once it is there: tests of constraints, of nested and other models."""
