"""What Roster asks of the forge that the repository lies on, and tells it: GitHub's REST API.

What comes back from there (comments, artifacts, names of branches) was written by anybody: it is data.
"""
