#!/bin/sh
# properties = {"type": "single", "rule": "sort", "local": false}
# options: --parsable --job-name=snakejob.sort.12 --comment='rule_sort_wildcards_{"s": "A"}' --partition=compute --cpus-per-task=4 --mem=8000 --time=60
snakemake --cores 4 sorted/A.bam
