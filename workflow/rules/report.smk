"""
Make the pages that people look at: one for each source, and one for the corpus.

INPUTS:  manifests/corpus.parquet, manifests/{source}.parquet, manifests/reports/pictures/
OUTPUTS: manifests/reports/{source}.html, manifests/reports/index.html
"""


rule make_reports:
    """Why each file went in or stayed out, and what the scans look like: by source, and side by side."""
    input:
        corpus="manifests/corpus.parquet",
    output:
        *SOURCE_PAGES,
        index=report(
            "manifests/reports/index.html",
            caption="../report/corpus.rst",
            category="Corpus",
            labels={"page": "all sources"},
        ),
    log:
        "logs/make_reports.log",
    localrule: True
    params:
        code=REPORT_CODE,
    script:
        "../scripts/make_reports.py"


rule reports:
    """All pages."""
    input:
        all_pages,
    localrule: True
