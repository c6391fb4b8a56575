"""Predict a result before its cell runs, and see how far off you were.

    predict.number("loss before training", 7.3)
    predict.choice("loss on one batch", 3, "certain")
    predict.order("which loop is worst", [2, 1, 3], "guess")

The third argument says how sure you are: "guess", "fairly" or "certain". A cell below tells what it
was (`told`; chapters come with these cells). The first answer that was told what is right counts;
it is kept in your own folder, as passed exercises are, and `mi-course export` writes it out.
"""

from mi_course.predict.answers import PredictError, choice, number, order
from mi_course.predict.results import told

__all__ = ["PredictError", "choice", "number", "order", "told"]
