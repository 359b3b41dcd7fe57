#!/bin/sh
# options: --job-name=wrapped --mem=300M --wrap=true
