"""What a learner has done, kept and printed: passed exercises, the weekly log, their export."""
