"""The lesson ``01-functions``: a network is a function; learning from answers, from data alone, and from reward."""
