"""What a learner has done: passed exercises, the weekly log, and their export."""
