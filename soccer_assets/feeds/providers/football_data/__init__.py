"""The feed of football-data.co.uk: season files, extra leagues and fixtures, all CSV.

Here: parsing a file (``csv_file``), a row as a match (``football_data_rows``), which files a window needs.
"""
