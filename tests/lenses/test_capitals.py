"""A statement about a capital has one right answer."""

from mi_course.capitals import CAPITALS


def test_no_country_and_no_city_is_listed_twice():
    countries, cities = zip(*CAPITALS, strict=True)
    assert len({*countries}) == len({*cities}) == len(CAPITALS)
