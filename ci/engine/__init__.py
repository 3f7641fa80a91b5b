"""Drives the Pulumi CLI: finds it, asks its backend what was applied, runs several stacks side by side.

Nothing here decides what is applied; that is the program's part (`stacks/`). What it says about a run is read from the
engine's own events and messages.
"""
