#!/usr/bin/env bash
# Fails if a relative link in a Markdown file of this repository leads to a
# file that is not there.
set -euo pipefail

cd "$(dirname "$0")/.."

broken=0
while IFS= read -r -d '' file; do
  while IFS= read -r link; do
    target=${link%%#*}
    case $target in
      '' | *://* | mailto:*) continue ;;
      /*) path=.$target ;;
      *) path=$(dirname "$file")/$target ;;
    esac
    if [[ ! -e $path ]]; then
      echo "$file: $link leads nowhere" >&2
      broken=1
    fi
  done < <(sed -E '/^ *```/,/^ *```/d' "$file" | grep -oE '\]\([^) ]+' | cut -c3-)
done < <(find . -name '*.md' -not -path '*/node_modules/*' -not -path './.*' -print0)
exit "$broken"
