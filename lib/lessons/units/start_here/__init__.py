"""The lesson ``00-start-here``: how a lesson works, three exercises to get to know the checks, and verdicts."""
