"""What the trainings share: the session of a run, its figures, its report."""
