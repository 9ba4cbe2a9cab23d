"""What is shown of fits: the summary of one, the comparison of several, in text and markup."""
