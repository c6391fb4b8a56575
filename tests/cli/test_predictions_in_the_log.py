"""`mi-course log` says what a week's predictions came to."""

from __future__ import annotations

from mi_course import predict
from mi_course.cli.main import main
from mi_course.learner import predictions


def test_the_log_of_a_week_says_what_was_predicted(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MI_COURSE_HOME", str(tmp_path))
    monkeypatch.delenv("MI_COURSE_PROGRESS", raising=False)
    predictions.forget()
    predict.number("loss", 2, "certain")
    predict.told("loss", 4, week=2)
    for week, said in ((1, []), (2, ["Predicted in week 2: 0 of 1 right. Certain: 0 of 1."])):
        capsys.readouterr()
        assert main(["log", "--week", str(week)]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert [line[:51] for line in lines if line.startswith("Predicted")] == said
    predictions.forget()
