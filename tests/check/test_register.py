"""An exercise of the course travels by its name, another one with its check."""

import pickle

from mi_course import check
from mi_course.check import core, register, sending


def test_every_exercise_is_registered_with_its_check():
    assert list(register.REGISTER) == list(check.EXERCISES)
    for name, run in check.EXERCISES.items():
        assert register.REGISTER[name] == register.Exercise(name, run.__wrapped__)


def test_an_exercise_of_the_course_travels_by_its_name():
    zero_head = register.REGISTER["zero_head"]
    data = sending.dumps(zero_head)
    assert len(data) < 200
    assert pickle.loads(data) is zero_head


def test_an_exercise_defined_elsewhere_travels_with_its_check(monkeypatch):
    monkeypatch.setattr(register, "REGISTER", dict(register.REGISTER))

    def zero_head(attempt):
        raise core.Wrong("by value")

    mine = register.add(zero_head)
    there = pickle.loads(sending.dumps(mine))
    assert there.name == "zero_head"
    assert there.check is not zero_head
    assert core.judge(there, len).message == "by value"
    assert register.find("mi_course.check.week2.induction_heads", "zero_head") is mine
