"""
Put source folders in place.

OUTPUTS: data/demo/{source}/, and the index and the plans of its files
"""


rule demo_sources:
    """Write the nine synthetic sources in their native download layouts."""
    output:
        markers=collect("data/demo/{source}/.demo-complete", source=DEMO_SOURCES),
        plans=demo_plans(),
    log:
        "logs/demo_sources.log",
    localrule: True
    threads: 2
    params:
        code=module_fingerprint("brains45k.demo"),
    script:
        "../scripts/demo_sources.py"
