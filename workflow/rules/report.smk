"""
Make the pages that people look at: one for each source, and one for the corpus.

INPUTS:  manifests/corpus.parquet, manifests/{source}.parquet, manifests/reports/pictures/
OUTPUTS: manifests/reports/{source}.html, manifests/reports/index.html
"""


rule report_source:
    """The page of one source: why each file went in or stayed out, and what the scans look like."""
    input:
        corpus="manifests/corpus.parquet",
    output:
        page=report(
            "manifests/reports/{source}.html",
            caption="../report/source.rst",
            category="Corpus",
            labels={"page": "{source}"},
        ),
    log:
        "logs/report_source/{source}.log",
    localrule: True
    params:
        code=REPORT_CODE,
    script:
        "../scripts/report_source.py"


rule report_corpus:
    """The page of the corpus: all sources side by side."""
    input:
        corpus="manifests/corpus.parquet",
    output:
        page=report(
            "manifests/reports/index.html",
            caption="../report/corpus.rst",
            category="Corpus",
            labels={"page": "all sources"},
        ),
    log:
        "logs/report_corpus.log",
    localrule: True
    params:
        code=REPORT_CODE,
    script:
        "../scripts/report_corpus.py"


rule reports:
    """All pages."""
    input:
        all_pages,
    localrule: True
