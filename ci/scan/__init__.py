"""Other scanners over what Roster renders, builds and runs: chosen, staged one thing a file, counted, judged."""
