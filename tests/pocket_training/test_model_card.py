from mi_course.pocket_training import model_card


def test_the_table_of_runs_is_read_with_its_columns():
    runs = model_card.search_runs()
    assert len({run["run"] for run in runs}) == len(runs) > 15
    by_name = {run["run"]: run for run in runs}
    assert by_name["d1"]["strongest"].startswith("2.7: IO 0.00")
    assert by_name["F4"]["name movers"] == "1.3, 1.1"
    assert "pocket" in by_name
