"""What an agent could do if it were turned against its owners, in statements that a reviewer reads and compares."""
