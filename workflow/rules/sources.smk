"""
Put source folders in place.

OUTPUTS: data/demo/{source}/, and the index and the plans of its files
"""


rule demo_sources:
    """Write the synthetic sources in their native download layouts."""
    output:
        markers=collect("data/demo/{source}/.demo-complete", source=demo_sources_in_use()),
        plans=demo_plans(),
    log:
        "logs/demo_sources.log",
    localrule: True
    threads: 2
    params:
        sources=demo_sources_in_use(),
        code=module_fingerprint("brains45k.demo"),
    script:
        "../scripts/demo_sources.py"


rule fetch:
    """Download what may be downloaded, unpack what lies there, and list what is left to a person."""
    log:
        "logs/fetch.log",
    localrule: True
    threads: 1
    script:
        "../scripts/fetch_sources.py"
