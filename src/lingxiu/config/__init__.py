"""How the house is wired: settings from the environment, addresses of all rooms, the WSGI entry."""
