#!/usr/bin/env bash
# Installs on Debian what some tests need beside Python: Java and Maven for a real Kafka,
# Prometheus, and Chromium with its driver. Tests skip, and say so, where these are absent.
set -euo pipefail

missing=()
command -v java >/dev/null || missing+=(openjdk-17-jre-headless)
command -v mvn >/dev/null || missing+=(maven)
command -v prometheus >/dev/null || missing+=(prometheus)
command -v chromium >/dev/null || missing+=(chromium)
command -v chromedriver >/dev/null || missing+=(chromium-driver)

if [ ${#missing[@]} -eq 0 ]; then
    echo "test tools: java, mvn, prometheus, chromium and chromedriver are there"
    exit 0
fi
if ! command -v apt-get >/dev/null; then
    echo "test tools: this is no Debian; install ${missing[*]} by other means" >&2
    exit 1
fi
as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}"
