"""The lesson ``11-docker``: an image's layers, a container's view, what is lost, and why digests agree."""
