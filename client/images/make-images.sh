#!/usr/bin/env bash
# Makes the pictures of client/app that must be PNG: share.png, which other
# sites show beside a link to a room, and the icons of home screens.
#
#   client/images/make-images.sh
#
# Needs Chromium and the DejaVu fonts; on Debian:
#   apt-get install --no-install-recommends chromium fonts-dejavu-core
#
# The results are committed, so a build needs none of this.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
out=$here/../app
work=$(mktemp -d)
readonly here out work
trap 'rm -rf "$work"' EXIT

die() {
  echo "make-images: $*" >&2
  exit 1
}

command -v chromium >/dev/null || die "chromium is missing (apt-get install chromium)"

# draw <svg> <png> <width> <height>
draw() {
  # As a page of its own an SVG is drawn at the size of the window.
  cp "$1" "$work/page.svg"
  chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$work/profile" \
    --default-background-color=00000000 --window-size="$3,$4" --screenshot="$out/$2" "file://$work/page.svg" >/dev/null 2>&1 ||
    die "Chromium did not draw $1"
}

draw "$here/share.svg" share.png 1200 630
draw "$out/icon.svg" icon-192.png 192 192
draw "$out/icon.svg" icon-512.png 512 512
draw "$here/icon-square.svg" icon-square-180.png 180 180
draw "$here/icon-square.svg" icon-square-512.png 512 512
ls -l "$out"/*.png
