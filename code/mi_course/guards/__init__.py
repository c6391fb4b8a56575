"""What the course's models refuse, since the library would silently accept it.

`bridge` is the model that `mi_course.models.load` returns, and lists what it refuses. It checks
names and filters of hook points by `filters`, and padding and masks by `padding`; so does
`mi_course.hooks`. Importing this package imports none of them.
"""
