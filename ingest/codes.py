"""Every code that a report can carry: stable, for people filter by them; the catalogue has their words."""

FILE_CODES = frozenset(
    {
        "columns_clash",
        "columns_missing",
        "constraint_refused",
        "crs_refused",
        "crs_unknown",
        "encoding_wrong",
        "file_empty",
        "file_missing",
        "file_too_large",
        "format_unknown",
        "option_wrong",
        "sheet_ambiguous",
        "sheet_missing",
        "unit_unknown",
    }
)
"""Codes of errors: the file, or an option, cannot be used at all."""

PROBLEM_CODES = frozenset(
    {
        "choice_unknown",
        "class_not_a_target",
        "class_unreadable",
        "coordinate_half",
        "coordinate_outside_china",
        "coordinate_outside_system",
        "coordinate_projected",
        "coordinate_swapped",
        "coordinate_unreadable",
        "coordinate_zero",
        "date_impossible",
        "date_out_of_range",
        "date_unreadable",
        "date_without_year",
        "detection_limit_missing",
        "detection_limit_unreadable",
        "geometry_invalid",
        "geometry_missing",
        "geometry_type",
        "geometry_unreadable",
        "json_unreadable",
        "key_conflict",
        "number_absurd",
        "number_too_small",
        "number_unreadable",
        "parameter_unknown",
        "reading_conflict_in_file",
        "reading_conflict_stored",
        "refers_to_itself",
        "region_unreadable",
        "row_too_long",
        "row_without_values",
        "section_ambiguous",
        "section_code_unknown",
        "section_unknown",
        "status_without_time",
        "text_control_character",
        "time_after_capture",
        "time_impossible",
        "time_missing",
        "time_out_of_range",
        "time_unreadable",
        "time_without_year",
        "unit_not_convertible",
        "validity_reversed",
        "value_formula_error",
        "value_impossible",
        "value_missing",
        "value_negative",
        "value_unreadable",
        "zone_without_polygon",
    }
)
"""Codes of problems: the row is rejected."""

NOTICE_CODES = frozenset(
    {
        "column_not_stored",
        "column_unknown",
        "column_unknown_similar",
        "dates_out_of_order",
        "geometry_repaired",
        "good_rows_held_back",
        "outside_basin",
        "section_adopted",
        "section_adopted_partly",
        "sections_provisional",
        "sheets_ignored",
    }
)
"""Codes of notices: worth knowing, nothing is rejected."""
