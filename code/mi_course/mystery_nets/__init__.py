"""Mystery models: what they answer, their weights, and swaps of places in them.

What judges explanations of them is `mi_course.mystery`.
"""
