"""Is a published circuit there in another model: more tasks of its kind, and one head's inputs."""
