"""The picture of an explanation: each place at its position and layer."""

from mi_course.mystery import Explanation, draw, head, resid


def near(tokens):
    return tokens[0]


def far(tokens, near):
    return near


def answer(far):
    return far


def test_variables_stand_where_they_live_and_lines_lead_to_the_answer():
    places = {near: [head(0, 1, at=0), resid(0, at=1)], far: resid(1, at=lambda t: t[0])}
    fig = draw(Explanation(answer, places), (2, 0, 1), 2)
    named = {trace.name: trace for trace in fig.data if trace.mode == "markers+text"}
    assert list(named["near"].x) == [0, 1]
    assert list(named["near"].y) == [-0.3, 0]
    assert list(named["near"].text) == ["near<br>(head 0.1)", "near<br>(stream)"]
    assert (named["far"].x[0], named["far"].y[0]) == (2, 1)
    lines = [(tuple(t.x), tuple(t.y)) for t in fig.data if t.mode == "lines"]
    assert lines == [((0, 2), (-0.3, 1)), ((1, 2), (0, 1)), ((2, 2), (1, 2.5))]
    assert list(named["input, answer"].text) == ["2", "0", "1", "answer 2"]
    assert list(named["near"].textposition) == ["top center", "top center"]
    assert list(named["input, answer"].textposition) == [*["top center"] * 3, "top left"]
