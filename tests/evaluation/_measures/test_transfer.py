"""Does the result look like the condition."""


def test_likeness_is_to_the_condition_where_its_color_is_taken(evaluation, value):
    for metric in ("nearer to the condition", "verified as the condition"):
        assert value("recolored", f"color: {metric}") == 1
        cell = evaluation.rows["original"][f"color: {metric}"]
        assert cell.note == "not measured (it uses no condition)"
