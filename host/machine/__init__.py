"""This computer: the clone's settings and history, users, ports, package sources, local mode's environment."""
