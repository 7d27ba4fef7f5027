"""What `ofav2_eps` will take, before it is begun."""
