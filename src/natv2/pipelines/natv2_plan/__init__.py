"""What `natv2_search` will take, before it is begun."""
