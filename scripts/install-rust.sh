#!/usr/bin/env bash
# Installs the Rust that Cargo.toml declares as the oldest, and takes it for this checkout: what is
# declared is what is tested and released.
set -euo pipefail
cd "$(dirname "$0")/.."

version=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
rustup toolchain install --profile minimal --component clippy,rustfmt "$version"
rustup override set "$version"
rustc --version
