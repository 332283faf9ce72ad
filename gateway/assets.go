package gateway

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

// assets serves embedded files. They revalidate by the content's own tag, so
// that a page never runs with another release's script.
type assets map[string]asset

type asset struct {
	data []byte
	tag  string
	gzip []byte // the same, smaller by far; nil where it would not be
}

func newAssets(files fs.FS) assets {
	all := assets{}
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(files, name)
		all[name] = asset{data: data, tag: etag(data), gzip: smaller(data)}
		return err
	})
	if err != nil {
		panic(err) // the files are part of the program
	}
	return all
}

// smaller compresses by gzip what gains from it.
func smaller(data []byte) []byte {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil
	}
	_, err = w.Write(data)
	if errors.Join(err, w.Close()) != nil || b.Len() > len(data)*9/10 {
		return nil
	}
	return b.Bytes()
}

// takesGzip says whether the client named gzip without conditions.
func takesGzip(r *http.Request) bool {
	for _, line := range r.Header.Values("Accept-Encoding") {
		for coding := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(coding), "gzip") {
				return true
			}
		}
	}
	return false
}

// ServeHTTP serves the file of the request's path.
func (a assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := path.Clean(r.URL.Path)
	file, ok := a[name]
	if !ok {
		http.NotFound(w, r)
		return
	}
	switch path.Ext(name) {
	case ".png": // of no release in particular
		w.Header().Set("Cache-Control", "public, max-age=86400")
	case ".webmanifest": // which not every system's tables know
		w.Header().Set("Content-Type", "application/manifest+json")
		fallthrough
	default:
		w.Header().Set("Cache-Control", "no-cache")
	}
	data, tag := file.data, file.tag
	if file.gzip != nil {
		w.Header().Add("Vary", "Accept-Encoding")
		if takesGzip(r) {
			w.Header().Set("Content-Encoding", "gzip")
			data, tag = file.gzip, strings.TrimSuffix(tag, `"`)+`-gzip"`
		}
	}
	w.Header().Set("ETag", tag)
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(data))
}

func clip(data []byte) http.Handler {
	tag := etag(data)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "video/webm")
		w.Header().Set("Cache-Control", "public, max-age=3600")
		w.Header().Set("ETag", tag)
		http.ServeContent(w, r, "clip.webm", time.Time{}, bytes.NewReader(data))
	})
}
