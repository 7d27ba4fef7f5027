"""What plain networks are worth beside found ones, as tables and figures."""
