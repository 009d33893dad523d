"""Write volumes for other programs: viewers, archives, statistics."""
