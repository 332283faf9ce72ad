#!/usr/bin/env bash
# Makes clip.webm, the test clip that is built into tandem: one minute of
# VP9 and Opus in which a person (or a test) can see and hear whether two
# windows show the same moment.
#
#   client/clip/make-clip.sh [output.webm]
#
# Needs ffmpeg with libvpx-vp9 and libopus, and the DejaVu fonts; on Debian:
#   apt-get install --no-install-recommends ffmpeg fonts-dejavu-core
#
# The result is committed, so a build needs none of this. The same ffmpeg
# makes the same bytes; another version may differ in bytes, not in content.
set -euo pipefail

readonly fps=30 seconds=60 width=640 height=360
readonly max_bytes=600000 # the clip lies inside the program: keep it small
readonly keyframe_every=90 # frames; a seek decodes at most three seconds

out=${1:-"$(cd "$(dirname "$0")" && pwd)/clip.webm"}
fonts=${FONT_DIR:-/usr/share/fonts/truetype/dejavu}
readonly out fonts
readonly sans="$fonts/DejaVuSans-Bold.ttf" mono="$fonts/DejaVuSansMono-Bold.ttf"

die() {
  echo "make-clip: $*" >&2
  exit 1
}

for tool in ffmpeg ffprobe; do
  command -v "$tool" >/dev/null || die "$tool is missing (apt-get install ffmpeg)"
done
for font in "$sans" "$mono"; do
  [[ -r $font ]] || die "font $font is missing (apt-get install fonts-dejavu-core, or set FONT_DIR)"
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Everything is computed from the frame number n, never from t: n/30 is not
# exact in binary, and a flash must not slip by a frame.
readonly time_text="%{eif\:floor(n/1800)\:d\:2}\:%{eif\:mod(floor(n/30)\,60)\:d\:2}.%{eif\:floor(mod(n\,30)*1000/30)\:d\:3}"

# Shapes are drawn once by geq, which is slow, and then repeated. Flat
# colours on purpose: gradients cost bytes and show bands at this bit rate.
cat >"$work/graph" <<GRAPH
color=c=0x11141c:s=${width}x${height}:r=$fps:d=$seconds,
drawtext=fontfile=$sans:text='tandem test clip':fontsize=24:fontcolor=0xe8ecf4:x=40:y=34,
drawtext=fontfile=$sans:text='flash and beep on every second':fontsize=13:fontcolor=0x7d879c:x=40:y=68,
drawtext=fontfile=$mono:text='$time_text':fontsize=70:fontcolor=0xffffff:x=36:y=152,
drawbox=x=40:y=298:w=542:h=4:c=0x2c3445:t=fill,
drawbox=x=40:y=290:w=2:h=20:c=0x4a556d:t=fill,
drawbox=x=175:y=294:w=2:h=12:c=0x4a556d:t=fill,
drawbox=x=310:y=290:w=2:h=20:c=0x4a556d:t=fill,
drawbox=x=445:y=294:w=2:h=12:c=0x4a556d:t=fill,
drawbox=x=580:y=290:w=2:h=20:c=0x4a556d:t=fill,
drawbox=x=0:y=354:w=$width:h=6:c=0x1c212d:t=fill[stage];

color=c=0x3a4560:s=140x140:r=$fps:d=0.02,format=rgba,
geq=r='r(X,Y)':g='g(X,Y)':b='b(X,Y)':a='255*clip(3-abs(hypot(X-69.5,Y-69.5)-66),0,1)',
loop=loop=-1:size=1[ring];

color=c=0x6fd3c1:s=20x20:r=$fps:d=0.02,format=rgba,
geq=r='r(X,Y)':g='g(X,Y)':b='b(X,Y)':a='255*clip(10-hypot(X-9.5,Y-9.5),0,1)',
loop=loop=-1:size=1[dot];

color=c=0xffffff:s=140x140:r=$fps:d=0.02,format=rgba,
geq=r='r(X,Y)':g='g(X,Y)':b='b(X,Y)':a='255*clip(60-hypot(X-69.5,Y-69.5),0,1)',
loop=loop=-1:size=1[white];

color=c=0xffb84d:s=140x140:r=$fps:d=0.02,format=rgba,
geq=r='r(X,Y)':g='g(X,Y)':b='b(X,Y)':a='255*clip(60-hypot(X-69.5,Y-69.5),0,1)',
loop=loop=-1:size=1[amber];

color=c=0x6fd3c1:s=10x34:r=$fps:d=$seconds[cursor];
color=c=0x3f8f83:s=${width}x6:r=$fps:d=$seconds[progress];

[stage][ring]overlay=x=460:y=106:shortest=1[a];
[a][white]overlay=x=460:y=106:shortest=1:enable='lt(mod(n,$fps),2)*gte(mod(n,10*$fps),2)'[c];
[c][amber]overlay=x=460:y=106:shortest=1:enable='lt(mod(n,10*$fps),2)'[d1];
[d1][dot]overlay=x='520+66*sin(2*PI*(n-1)/$fps)':y='166-66*cos(2*PI*(n-1)/$fps)':shortest=1[d];
[d][cursor]overlay=x='36+18*mod(n-1,$fps)':y=283[e];
[e][progress]overlay=x='-$width+$width*n/($fps*$seconds)':y=354,
scale=out_color_matrix=bt709:out_range=tv,format=yuv420p[video]
GRAPH

# The beep: 50 ms at 880 Hz, an octave higher every ten seconds (when the
# flash is amber); 3 ms of fade at both ends, since a bare edge clicks.
readonly beep="0.5*sin(2*PI*if(lt(mod(t,10),0.5),1760,880)*mod(t,1))*clip(min(mod(t,1),0.05-mod(t,1))/0.003,0,1)"

encode() { # pass, further arguments
  # One thread and bitexact: otherwise each run gives other bytes.
  # force_key_frames, not -g alone: keyframes on whole seconds, where people
  # and tests seek to.
  local pass=$1
  shift
  ffmpeg -hide_banner -loglevel error -nostdin -y \
    -f lavfi -i "aevalsrc=exprs='$beep':s=48000:d=$seconds" \
    -filter_complex_script "$work/graph" -map '[video]' \
    -c:v libvpx-vp9 -pass "$pass" -passlogfile "$work/pass" \
    -b:v 0 -crf 48 -deadline good -cpu-used 0 -threads 1 -row-mt 0 \
    -auto-alt-ref 1 -lag-in-frames 25 -g "$keyframe_every" \
    -force_key_frames "expr:gte(t,n_forced*$keyframe_every/$fps)" \
    -color_primaries bt709 -color_trc bt709 -colorspace bt709 -color_range tv \
    -flags +bitexact -fflags +bitexact -map_metadata -1 "$@"
}

echo "make-clip: first pass"
encode 1 -an -f null /dev/null
echo "make-clip: second pass"
# cues_to_front: the index comes before the media, so that a browser can seek
# before it has the whole file.
# asetpts: Opus starts with 312 samples that players drop, and ffmpeg 5 lets
# them begin before zero, then moves the picture 7 ms late to make up for it.
encode 2 -map 0:a -af asetpts=PTS+312 -c:a libopus -b:a 16k -vbr on -frame_duration 60 -ac 1 \
  -flags:a +bitexact -cues_to_front 1 -f webm "$work/clip.webm"

size=$(stat -c %s "$work/clip.webm")
((size <= max_bytes)) || die "clip has $size bytes, the limit is $max_bytes"
first_packet() { # v or a: its time in seconds
  ffprobe -v error -select_streams "$1" -read_intervals '%+#1' \
    -show_entries packet=pts_time -of csv=p=0 "$work/clip.webm"
}
# Other versions of ffmpeg may count those 312 samples otherwise.
[[ $(first_packet v) == 0.000000* && $(first_packet a) == -0.00[67]000* ]] ||
  die "picture and sound do not start together: $(first_packet v) $(first_packet a)"

mv "$work/clip.webm" "$out"
echo "make-clip: $out, $size bytes"
