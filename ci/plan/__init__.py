"""What changes between two states of the repository, in the words of the people who review it."""
