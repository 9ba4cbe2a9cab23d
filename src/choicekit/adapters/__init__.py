"""What other libraries need to use our results; each is imported only when asked for."""
