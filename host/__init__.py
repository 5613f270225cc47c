"""./invoke on the host: its environment, the engine, images, services and local mode. Nothing here trains."""
